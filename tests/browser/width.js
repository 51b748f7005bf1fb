// What does not fit the width: the page, or text that a box cuts off.
(width) => {
  const found = [];
  const wide = document.documentElement.scrollWidth;
  if (wide > width) found.push(`scrolls sideways at ${width} px: ${wide} px`);
  const short = (text) => text.trim().replace(/\s+/g, " ").slice(0, 60);
  // A formula holds a second, hidden one, for screen readers
  document.querySelectorAll("article :not(.math, .math *)").forEach((box) => {
    const hides = box.clientWidth > 1 && box.scrollWidth > box.clientWidth + 1
      && getComputedStyle(box).overflowX === "hidden";
    if (hides) found.push(`cut at ${width} px: ${short(box.textContent)}`);
  });
  return found;
}
