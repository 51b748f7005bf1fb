// Keep one element of each look, so that its contrast is computed once and
// not ten thousand times. A look is the chain of tags, classes and styles
// from the page down to the element; those in `seen` were kept on an earlier
// page. Returns the looks that are kept, in short.
async (seen) => {
  const known = new Set(seen);
  const kept = new Set();
  const chain = (element) => {
    if (element === document.documentElement) return "";
    const style = element.getAttribute("style") || "";
    const own = `${element.tagName}.${element.getAttribute("class")} ${style}`;
    return `${chain(element.parentElement)}>${own}`;
  };
  const digest = async (text) => {
    const bytes = new TextEncoder().encode(text);
    const hash = await crypto.subtle.digest("SHA-1", bytes);
    return btoa(String.fromCharCode(...new Uint8Array(hash, 0, 9)));
  };
  const says = (element) =>
    element.matches("input, select, textarea") ||
    [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

  const all = [...document.body.querySelectorAll("*")];
  const first = new Map();
  for (const element of all.filter(says)) {
    const look = chain(element);
    if (!first.has(look)) first.set(look, element);
  }
  const found = [];
  for (const [text, element] of first) {
    const look = await digest(text);
    if (known.has(look)) continue;
    found.push(look);
    for (let e = element; e && !kept.has(e); e = e.parentElement) kept.add(e);
  }
  const isFrame = (element) => element.id && !element.closest("article");
  all.forEach((element) => {
    // The theme's scripts ask for what has an id
    if (!kept.has(element) && !isFrame(element)) element.remove();
  });
  return found;
}
