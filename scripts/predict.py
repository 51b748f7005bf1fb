"""Name the flowers in photos, with the network that comes with the library.

Or, with --checkpoint, what a network that scripts/train.py trained knows.
Prints, for each image file, the most probable classes and how probable they
are. A folder is walked, files of other kinds in it are passed over. Exit
code 1 when a file could not be read; the others are done all the same.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from alexnet_lib.batches import preprocess
from alexnet_lib.checkpoint import TRAINED, CheckpointError, load_model
from alexnet_lib.inference import predict, top_classes
from alexnet_lib.photos import SUFFIXES, read_image

EXAMPLES = """examples:
  python scripts/predict.py holiday.jpg
  python scripts/predict.py photos/ --top 2
  python scripts/predict.py photos/ --json > out.jsonl
  python scripts/predict.py photos/ --checkpoint runs/flowers/best.pt
"""


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("images", type=Path, nargs="+", help="image files or folders")
    add("--top", type=int, default=3, metavar="K", help="classes (default 3)")
    add("--checkpoint", type=Path, default=TRAINED, help="another network")
    add("--json", action="store_true", help="one object per line")
    args = parser.parse_args(argv)
    if args.top < 1:
        parser.error(f"--top is {args.top}: it must be at least 1")
    if not os.path.isfile(args.checkpoint):
        parser.error(
            f"there is no checkpoint {args.checkpoint}: train one with "
            "scripts/train.py"
        )
    return args


def walk(paths: list[Path]) -> Iterator[Path]:
    """Each file that was named, and each image in a folder that was."""
    for path in paths:
        if path.is_dir():
            # No hidden ones; broken links too, so that they are reported
            files = sorted(p for p in path.rglob("[!.]*") if not p.is_dir())
            yield from (p for p in files if p.suffix.lower() in SUFFIXES)
        else:
            yield path


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        model, card = load_model(args.checkpoint)
        prepare = preprocess(**card["preprocess"])
    except (CheckpointError, OSError, TypeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    seen = failed = 0
    for path in walk(args.images):
        seen += 1
        try:
            image = read_image(path, **card["image"])
        except ValueError as error:
            failed += 1
            if args.json:
                print(json.dumps({"file": str(path), "error": str(error)}))
            else:
                print(f"error: {error}", file=sys.stderr)
            continue
        probabilities = predict(model, prepare(image[None]))
        (top,) = top_classes(probabilities, card["classes"], args.top)
        if args.json:
            rows = [{"class": c, "probability": p} for c, p in top]
            print(json.dumps({"file": str(path), "top": rows}))
        else:
            shown = "  ".join(f"{c} {p:.3f}" for c, p in top)
            print(f"{path}: {shown}")
    if not seen:
        names = ", ".join(map(str, args.images))
        print(f"error: no image file in {names}", file=sys.stderr)
    return 1 if failed or not seen else 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # of odd file names
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read the output, `head` say, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
