"""Take the README's picture: the introduction, as it shows the network.

make book && python tools/cover.py
"""

import io

from look import ROOT, browser, served, visit
from PIL import Image

PICTURE = ROOT / "book" / "images" / "page.png"
TO_FIGURE = """() => {
  const figure = document.querySelector("figure img");
  scrollTo(0, figure.getBoundingClientRect().top + scrollY - 380);
}"""


def main() -> None:
    """Scroll the built introduction to its first figure and keep that."""
    html = ROOT / "book" / "_build" / "html"
    with served(html) as address, browser() as window:
        page = window.new_page(viewport={"width": 1280, "height": 760})
        visit(page, f"{address}/intro.html")
        page.evaluate(TO_FIGURE)
        page.wait_for_timeout(500)  # until the sidebar has followed
        picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("P", palette=Image.Palette.ADAPTIVE).save(PICTURE)
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
