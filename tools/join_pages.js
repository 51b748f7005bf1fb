// Put the pages of the book one after another on this page, to be printed:
// a title page, the contents, the chapters. Returns the headings in order,
// as {rank, text, id}.
async ({ title, author, year, parts, listed }) => {
  const LINES_KEPT_TOGETHER = 20;
  const pages = parts.flatMap((part) => part.pages);
  const key = (name) => name.replace(/\.html$/, "").replace(/\W+/g, "-");
  const address = (name) => new URL(name, location.origin);
  const make = (tag, className, ...content) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...content);
    return element;
  };

  // An id is one of its page's, and a link says the page as well.
  const settle = (article, name) => {
    article.querySelectorAll("[id]").forEach((element) => {
      if (!element.closest("svg")) element.id = `${key(name)}--${element.id}`;
    });
    article.querySelectorAll("img").forEach((image) => {
      image.src = new URL(image.getAttribute("src"), address(name));
      image.loading = "eager";
    });
    article.querySelectorAll("a[href]").forEach((link) => {
      const target = new URL(link.getAttribute("href"), address(name));
      if (target.origin !== location.origin) return;
      const page = decodeURI(target.pathname).slice(1);
      const id = decodeURIComponent(target.hash.slice(1));
      if (pages.includes(page)) {
        link.setAttribute("href", `#${key(page)}${id && `--${id}`}`);
      } else {
        link.removeAttribute("href");
      }
    });
  };

  const read = async (name) => {
    const text = await (await fetch(address(name))).text();
    const source = new DOMParser().parseFromString(text, "text/html");
    const article = source.querySelector("article");
    const extras = "script, .headerlink, .toctree-wrapper";
    article.querySelectorAll(extras).forEach((extra) => extra.remove());
    article.querySelectorAll("details").forEach((box) => (box.open = true));
    article.querySelectorAll("pre").forEach((code) => {
      const lines = code.textContent.split("\n").length;
      code.classList.toggle("long", lines > LINES_KEPT_TOGETHER);
    });
    settle(article, name);
    article.id = key(name);
    return { name, source, article };
  };

  // A place in the contents; its page number is filled in afterwards.
  const entry = ({ rank, text, id }) => {
    const link = make("a", "", make("span", "", text), make("b", "page"));
    link.href = `#${id}`;
    return make("li", `rank-${rank}`, link);
  };

  const dress = (source, name) => {
    document.documentElement.lang = source.documentElement.lang;
    const sheets = [...source.querySelectorAll("link[rel=stylesheet]")];
    const loaded = sheets.map((sheet) => {
      const copy = make("link");
      copy.rel = "stylesheet";
      copy.href = new URL(sheet.getAttribute("href"), address(name));
      document.head.append(copy);
      return new Promise((resolve, reject) => {
        copy.onload = resolve;
        copy.onerror = () => reject(Error(`not found: ${copy.href}`));
      });
    });
    return Promise.all(loaded);
  };

  // Each chapter's title stands at the head of its pages.
  const heads = ({ article }) => {
    const words = article.querySelector("h1").textContent.trim();
    const quoted = JSON.stringify(words);
    return `#${article.id} {page: ${article.id}}
      @page ${article.id} {@top-right {content: ${quoted}}}`;
  };

  const typeset = async (chapters) => {
    const scripts = chapters.flatMap(({ name, source }) =>
      [...source.querySelectorAll("script")].map((script) => ({
        text: script.textContent,
        src: script.src && new URL(script.getAttribute("src"), address(name)),
      })));
    const engine = scripts.find(({ src }) => /mathjax/.test(src));
    if (!engine) return;
    const settings = scripts.find(({ text }) => /window.MathJax/.test(text));
    const copies = [settings && { text: settings.text }, { src: engine.src }];
    for (const copy of copies.filter(Boolean)) {
      const script = Object.assign(make("script"), copy);
      const loaded = copy.src && new Promise((done) => (script.onload = done));
      document.head.append(script);
      await loaded;
    }
    await MathJax.startup.promise;
  };

  const headings = ({ article }) =>
    [...article.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => ({
      rank: Number(heading.tagName[1]),
      text: heading.textContent.trim().replace(/\s+/g, " "),
      id: (heading.id ||= `${heading.closest("[id]").id}--title`),
    }));

  const chapters = await Promise.all(pages.map(read));
  await dress(chapters[0].source, chapters[0].name);
  document.head.append(make("style", "", chapters.map(heads).join("\n")));
  document.title = title;

  const list = make("div");
  const contents = make("nav", "listing", make("p", "name", "Contents"), list);
  for (const part of parts) {
    const shown = chapters
      .filter(({ name }) => part.pages.includes(name))
      .flatMap(headings)
      .filter(({ rank }) => rank <= listed);
    if (part.caption) list.append(make("p", "part", part.caption));
    list.append(make("ol", "", ...shown.map(entry)));
  }
  const cover = make("section", "title-page",
    make("p", "name", title), make("p", "author", author), make("p", "", year));
  const icon = chapters[0].source.querySelector("link[rel=icon]");
  if (icon) {
    const mark = Object.assign(make("img"), { alt: "" });
    mark.src = new URL(icon.getAttribute("href"), address(chapters[0].name));
    cover.prepend(mark);
  }
  const articles = chapters.map(({ article }) => article);
  const column = make("div", "bd-article-container", ...articles);
  const content = make("div", "bd-content", column);
  const main = make("main", "bd-main", content);
  document.body.className = "book";
  document.body.replaceChildren(cover, contents, main);

  await typeset(chapters);
  await Promise.all([...document.images].map((image) => image.decode()));
  await document.fonts.ready;
  return chapters.flatMap(headings);
}
