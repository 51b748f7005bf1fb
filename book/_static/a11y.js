// Names that a screen reader says should be the names that stand there.
document.addEventListener("DOMContentLoaded", () => {
  const misnamed =
    ".search-button-field, .theme-switch-button, details.hide > summary";
  document.querySelectorAll(misnamed).forEach((element) => {
    element.removeAttribute("aria-label");
  });
  document.querySelectorAll(".theme-switch-button").forEach((button) => {
    const name = document.createElement("span");
    name.className = "visually-hidden sr-only";
    name.textContent = "Color mode";
    button.append(name);
  });
  document.querySelectorAll(".citation-list > .citation").forEach((entry) => {
    entry.setAttribute("role", "listitem");
  });
  const bar = document.getElementById("pst-primary-sidebar");
  if (bar) {
    bar.setAttribute("role", "region");
    bar.setAttribute("aria-label", "Sidebar");
  }
});

// What scrolls sideways must be reached by keyboard, also what was hidden in
// a closed box when the theme looked. A shade says on which side there is more.
document.addEventListener("DOMContentLoaded", () => {
  const scrolls = (element) =>
    element.scrollWidth > element.clientWidth &&
    ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  const shade = (element) => {
    const rest = element.scrollWidth - element.clientWidth;
    const at = element.scrollLeft;
    const wide = scrolls(element);
    element.classList.toggle("more-left", wide && at > 1);
    element.classList.toggle("more-right", wide && at < rest - 1);
  };
  const watcher = new ResizeObserver((entries) => {
    entries.map((entry) => entry.target).forEach((element) => {
      if (scrolls(element)) element.tabIndex = 0;
      shade(element);
    });
  });
  const watch = (element) => {
    watcher.observe(element);
    element.addEventListener("scroll", () => shade(element), { passive: true });
  };
  const wide =
    "pre, .cell_output, .pst-scrollable-table-container, " +
    "mjx-container[display=true]";
  document.querySelectorAll(`article :is(${wide})`).forEach(watch);
  // The tables of an explorer are there when it is
  document.querySelectorAll("figure.explorer").forEach((figure) => {
    figure.addEventListener("explorer-shown", () => {
      figure.querySelectorAll(".x-scroll").forEach(watch);
    });
  });
});

// The theme takes the focus from a button when it is pressed. By keyboard, one
// would have to begin again at the top of the page.
document.addEventListener("DOMContentLoaded", () => {
  const pressed =
    ".theme-switch-button, .search-button, .primary-toggle, .secondary-toggle";
  document.querySelectorAll(pressed).forEach((button) => {
    button.addEventListener("click", (event) => {
      const byKeyboard = event.detail === 0;
      setTimeout(() => {
        const isLost = document.activeElement === document.body;
        if (byKeyboard && isLost) button.focus();
      });
    });
  });
});

// From a disk, a page may not read another to quote it beside a result.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// Paper cannot be opened or switched: print all boxes open, on white.
{
  const root = document.documentElement;
  let closed = [];
  let theme = "";
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((box) => (box.open = true));
    theme = root.dataset.theme;
    root.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => {
    closed.forEach((box) => (box.open = false));
    root.dataset.theme = theme;
  });
}
