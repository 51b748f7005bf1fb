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
