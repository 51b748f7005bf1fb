// What is wrong with a page as it stands: a list of sentences.
() => {
  const found = [];
  const shown = (element) => element.checkVisibility();
  const short = (text) => text.trim().replace(/\s+/g, " ").slice(0, 60);

  document.querySelectorAll("img:not([aria-hidden=true])").forEach((image) => {
    if (!image.alt) found.push(`no alt text: ${image.src}`);
  });
  document.querySelectorAll("svg[role=img]:not([aria-hidden=true])").forEach((drawing) => {
    const label = drawing.getAttribute("aria-labelledby") || "";
    const names = label.split(/\s+/).filter(Boolean).map((id) =>
      document.getElementById(id)?.textContent || "");
    const title = drawing.querySelector(":scope > title")?.textContent || "";
    const name = drawing.getAttribute("aria-label") || names.join("") || title;
    if (!name.trim()) found.push(`a drawing without a name: ${drawing.id}`);
  });

  const main = document.querySelector("main") || document.body;
  const headings = [...main.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter(shown);
  const ranks = headings.map((heading) => Number(heading.tagName[1]));
  const firsts = ranks.filter((rank) => rank === 1).length;
  if (firsts !== 1) found.push(`headings of the first rank: ${firsts}`);
  ranks.forEach((rank, i) => {
    if (rank > (i ? ranks[i - 1] : 0) + 1) {
      found.push(`a skipped rank: ${short(headings[i].textContent)}`);
    }
  });

  if (document.querySelector("mjx-merror")) {
    found.push("a formula with an error");
  }
  document.querySelectorAll(".math").forEach((formula) => {
    if (!formula.querySelector("mjx-container")) {
      found.push(`a formula that is not set: ${short(formula.textContent)}`);
    }
  });
  const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const code = text.parentElement.closest("pre, code, script, style");
    if (!code && /\\[([]|\$\$|\\(frac|times|text)\b/.test(text.data)) {
      found.push(`raw TeX: ${short(text.data)}`);
    }
  }

  document.querySelectorAll("div.highlight pre").forEach((code) => {
    const button = code.parentElement.querySelector("button.copybtn");
    if (button?.dataset.clipboardTarget !== `#${code.id}`) {
      found.push(`no copy button: ${short(code.textContent)}`);
    }
  });
  return found;
}
