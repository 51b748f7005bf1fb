"""Make the pictures of the README: the network, and the book's cover.

    make pictures

draws the network as SVG, from the model, and takes the cover as a browser
shows it, each in light and in dark. `--network` leaves the browser out.
"""

import argparse
import io
import sys
from pathlib import Path

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from alexnet_lib import diagram  # noqa: E402
from alexnet_lib.diagram import svg  # noqa: E402
from alexnet_lib.model import alexnet_fashion  # noqa: E402
from tools.look import (  # noqa: E402
    ROOT,
    SCHEMES,
    browser,
    served,
    set_scheme,
    visit,
)

IMAGES = ROOT / "book" / "images"
SIZE = {"width": 1280, "height": 860}


def network(theme: str) -> str:
    """AlexNet for garments as the text of an SVG file."""
    with torch.device("meta"):
        model = alexnet_fashion()
    picture = diagram.draw(model, (1, 224, 224)).picture()
    return svg.standing_alone(picture, theme)


def take_cover(html: Path) -> None:
    """Keep the first screen of the built introduction."""
    with served(html) as address, browser() as window:
        page = window.new_page(viewport=SIZE, device_scale_factor=1.5)
        visit(page, f"{address}/intro.html")
        for scheme in SCHEMES:
            set_scheme(page, scheme)
            picture = Image.open(io.BytesIO(page.screenshot()))
            # 256 colours, each pixel the nearest one: small and clean
            plain = picture.convert("RGB").quantize(
                256, dither=Image.Dither.NONE
            )
            path = IMAGES / f"cover_{scheme}.png"
            plain.save(path, optimize=True)
            print(path.relative_to(ROOT))


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--network", action="store_true", help="only the SVG")
    arguments = parser.parse_args()
    for theme in SCHEMES:
        path = IMAGES / f"network_{theme}.svg"
        path.write_text(network(theme), encoding="utf-8")
        print(path.relative_to(ROOT))
    if not arguments.network:
        take_cover(ROOT / "book" / "_build" / "html")


if __name__ == "__main__":
    main()
