// The boxes of a page that open, to be walked through by keyboard: of each
// kind so many, the others are opened here. Each answer is how many times to
// press Tab to the next one's handle; 0 at the end.
(most) => {
  const handle = (box) =>
    box.querySelector(":scope > summary") ||
    box.querySelector(":scope > .admonition-title > .toggle-button");
  const isOpen = (box) =>
    box.open ?? !box.classList.contains("toggle-hidden");
  const name = (box) =>
    box.textContent.trim().replace(/\s+/g, " ").slice(0, 60);

  const selector = "main details, main .admonition.toggle";
  const boxes = [...document.querySelectorAll(selector)];
  const walked = {};
  const waiting = boxes.filter((box) => {
    walked[box.className] = (walked[box.className] || 0) + 1;
    return walked[box.className] <= most;
  });
  let last = null;
  window.nextBox = () => {
    last?.removeAttribute("tabindex");
    do last = waiting.shift(); while (last && isOpen(last));
    if (!last) return 0;
    // From the place just before a box, Tab goes into it; a link in its
    // title comes first
    last.tabIndex = -1;
    last.focus({ preventScroll: true });
    const stops = [...last.querySelectorAll("a[href], button, summary")];
    return stops.indexOf(handle(last)) + 1;
  };
  window.stillClosed = () =>
    boxes.filter((box) => !isOpen(box)).map(
      (box) => `a box that no key opens: ${name(box)}`);
  boxes.filter((box) => !waiting.includes(box)).forEach((box) => {
    box.open = true;
    box.classList.remove("toggle-hidden");
  });
  return nextBox();
}
