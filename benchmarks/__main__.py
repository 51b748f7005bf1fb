"""Measure the loops of the two posts and the library's, side by side.

First what must be equal, then what can be counted without a clock, then
times: all ways of one thing in turn, several rounds. The data is drawn, so
nothing is downloaded. Speeds are of this machine, now; ratios travel better.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from alexnet_lib import engine, evidence
from alexnet_lib.init import init_kaiming
from alexnet_lib.model import alexnet_fashion, alexnet_small

from . import (
    accuracy,
    checks,
    flowers,
    garments,
    growth,
    machine,
    report,
    steps,
)
from .clock import Row, compare, time_in_turn

EXAMPLES = """examples:
  all of it, about fifteen minutes on two cores:
    python -m benchmarks
  the same without compiling and growth, in three minutes:
    python -m benchmarks --quick
  only the loops over photos of flowers, on one thread:
    python -m benchmarks --only flowers --threads 1
  how long to an accuracy, on real garments (minutes to hours on a CPU):
    ALEXNET_DATA=data python -m benchmarks --only accuracy
  keep the numbers:
    python -m benchmarks --json build/bench.json
"""
PARTS = (
    "checks",
    "counts",
    "ladder",
    "evaluation",
    "input",
    "flowers",
    "steps",
    "growth",
    "accuracy",
)
SLOW = {"growth"}  # left out of a quick run
# Twenty epochs of real data: on a CPU only when it is asked for by name
LONG = {"accuracy"}
SIZES = {
    "quick": {
        "batch": 32,
        "steps": 1,
        "post_steps": 1,
        "evaluated": 64,
        "prepared": 512,
        "photos": 32,
        "rounds": 4,
        "compile": False,
    },
    "cpu": {
        "batch": 64,
        "steps": 1,
        "post_steps": 1,
        "evaluated": 128,
        "prepared": 1024,
        "photos": 64,
        "rounds": 7,
        "compile": True,
    },
    # Whole epochs of Fashion-MNIST: 60,000 images learned, 10,000 evaluated
    "cuda": {
        "batch": 1024,
        "steps": 59,
        "post_steps": 2,
        "evaluated": 10_000,
        "prepared": 10_000,
        "photos": 960,
        "rounds": 5,
        "compile": True,
    },
}


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer rounds, smaller batches")
    add("--device", default="auto", help="cpu, cuda, mps (auto: the best)")
    add("--threads", type=int, metavar="N", help="of the CPU (default all)")
    add("--json", type=Path, metavar="FILE", help="write all numbers there")
    add(
        "--only",
        nargs="+",
        metavar="NAME",
        choices=PARTS,
        help="of: " + ", ".join(PARTS),
    )
    args = parser.parse_args(argv)
    args.words = sys.argv[1:] if argv is None else argv
    if args.device == "auto":
        args.device = str(engine.pick_device())
    try:
        torch.zeros(1, device=args.device)
    except (RuntimeError, AssertionError):
        parser.error(f"--device: this machine has no {args.device!r}")
    if args.threads is not None and args.threads < 1:
        parser.error(f"--threads is {args.threads}: it must be at least 1")
    if args.json and not args.json.parent.is_dir():
        parser.error(f"--json: there is no folder {args.json.parent}")
    args.parts = set(args.only or PARTS)
    if not args.only:
        args.parts -= SLOW if args.quick else set()
        args.parts -= LONG if args.device != "cuda" else set()
    return args


def timed_rows(part: str, size: dict, device: torch.device) -> list[list[Row]]:
    """The rows of a part, in groups that are timed in turn."""
    if part == "ladder":
        return [garments.Ladder(size, device).rows()]
    if part == "evaluation":
        return [garments.evaluation(size, device)]
    if part == "input":
        return [garments.inputs(size, device)]
    return list(flowers.rows(size, device))


def compared(rows: list[Row]) -> list[dict]:
    """Each row against the first of its group, the library's options
    against the library, and on the ladder the rungs against the one below."""
    pairs = [(row, rows[0]) for row in rows[1:]]
    names = [row.name for row in rows]
    if "the library" in names:
        top = names.index("the library")
        pairs += [(option, rows[top]) for option in rows[top + 1 :]]
        if rows[0].group == "ladder":
            below = zip(rows[2 : top + 1], rows[1:top], strict=True)
            pairs += [*below, (rows[top], rows[1])]
    return [{"group": a.group, **compare(a, b)} for a, b in pairs]


def measure(args: argparse.Namespace) -> dict:
    """Everything that was asked for, as it is kept in JSON."""
    device = torch.device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    kind = device.type if device.type == "cuda" else "cpu"
    size = SIZES["quick" if args.quick and kind == "cpu" else kind]
    result = {
        "name": args.json.stem if args.json else "benchmark",
        "kind": "benchmark",
        "on": device.type,
        **evidence.provenance(device),
        "command": " ".join(["python -m benchmarks", *args.words]),
        "quick": args.quick,
        "size": size,
        "waiting_threads": os.environ.get("OMP_WAIT_POLICY", "not set"),
        "data": "drawn garments, drawn flowers",
        "first": machine.rates(device),
        "rows": [],
        "ratios": [],
    }
    print(report.head(result))
    if "checks" in args.parts:
        torch.manual_seed(0)
        model = alexnet_fashion().to(device)
        init_kaiming(model)  # its answers differ from image to image
        found = checks.equality(model, garments.PIXELS, 32, device)
        result["checks"] = found
        print(report.equality(found))
        if faults := checks.broken(found):
            raise ValueError("; ".join(faults))
    if "counts" in args.parts:
        torch.manual_seed(0)
        result["counts"] = checks.counts(alexnet_small(), 96)
        print(report.counts(result["counts"]))
    for part in ("ladder", "evaluation", "input", "flowers"):
        if part not in args.parts:
            continue
        for rows in timed_rows(part, size, device):
            time_in_turn(rows, size["rounds"], device)
            result["rows"] += [row.result() for row in rows]
            result["ratios"] += compared(rows)
            print(report.group(result, rows[0].group))
            del rows
            gc.collect()  # a network and its optimizer for each row
    if "steps" in args.parts:
        result["steps"] = steps.profiles(size["batch"], device)
        print(report.steps(result["steps"]))
    if "growth" in args.parts:
        result["growth"] = growth.measure(torch.get_num_threads())
        print(report.growth(result["growth"]))
    if "accuracy" in args.parts:
        result["accuracy"] = accuracy.measure(device)
        print(report.accuracy(result["accuracy"]))
    result["last"] = machine.rates(device)
    result["drift"] = machine.drift(result["first"], result["last"])
    result["goals"] = report.goals(result)
    print(report.closing(result))
    return result


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        result = measure(args)
        if args.json:
            unfinished = args.json.with_suffix(".part")
            unfinished.write_text(json.dumps(result, indent=1) + "\n")
            unfinished.replace(args.json)
            print(f"written to {args.json}")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return int(any(goal["reached"] == "no" for goal in result["goals"]))


if __name__ == "__main__":
    sys.exit(main())
