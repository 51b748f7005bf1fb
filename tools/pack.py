"""Pack a trained network into the library, at half the size.

    python tools/pack.py runs/narrow/best.pt flowers-narrow-cpu-seed0

Its weights are rounded to float16; the card names the record of its run.
A test compares the packed network with the record, on the real photos.
"""

import argparse
import sys
from pathlib import Path

from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from alexnet_lib.checkpoint import (  # noqa: E402
    TRAINED,
    CheckpointError,
    load_checkpoint,
    save_file,
)
from alexnet_lib.evidence import load_record  # noqa: E402


def pack(saved: dict, record: dict) -> dict:
    """What a packed checkpoint holds: the weights, halved, and the card."""
    if saved["card"] != record["card"]:
        raise CheckpointError(
            f"the checkpoint is not of the run that {record['name']} "
            "records: their cards differ"
        )
    halved: dict[str, Tensor] = {
        name: weights.half() for name, weights in saved["model"].items()
    }
    return {
        "card": {**saved["card"], "record": record["name"]},
        "model": halved,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("checkpoint", type=Path, help="best.pt of the run")
    add("record", help="the name of its record")
    add("--out", type=Path, default=TRAINED, help="default: in the library")
    args = parser.parse_args(argv)
    try:
        packed = pack(
            load_checkpoint(args.checkpoint), load_record(args.record)
        )
        save_file(packed, args.out)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out.name}: {args.out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
