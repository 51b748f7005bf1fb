"""Make every fault on purpose, and print what survived and what was lost.

    python -m tests.faults                 all of them, about a quarter hour
    python -m tests.faults --quick         the few of each that tests make
    python -m tests.faults --only kills    one family
    python -m tests.faults --seed 7        other random moments and places

Exit code 1 if anything was lost.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from tqdm import tqdm

from alexnet_lib import evidence
from tools.prove import ROOT, breakages

from . import FAMILIES, Outcome


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="as few as tests make")
    add("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    add("--seed", type=int, default=0, help="of what is random (0)")
    add("--record", metavar="NAME", help="keep the counts as a record")
    args = parser.parse_args(argv)
    if args.record and evidence.record_path(args.record).exists():
        parser.error(f"--record: {args.record} exists: choose another name")
    return args


def try_all(module: ModuleType, quick: bool, seed: int) -> list[Outcome]:
    """The outcomes of one family; an error of its own counts as a loss."""
    count = module.SMALL if quick else module.FULL
    done = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        found = module.outcomes(Path(folder), random.Random(seed), count)
        try:
            for outcome in tqdm(found, module.NAME, disable=None):
                done.append(outcome)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            done.append(Outcome("the rest of the family", False, reason))
    return done


def summary(module: ModuleType, done: list[Outcome], seconds: float) -> dict:
    survived = sum(outcome.survived for outcome in done)
    return {
        "name": module.NAME,
        "promise": module.PROMISE,
        "tried": len(done),
        "survived": survived,
        "lost": len(done) - survived,
        "seconds": round(seconds, 1),
        "kinds": Counter(outcome.kind for outcome in done),
    }


def cases() -> Counter[str]:
    """How many cases pytest tries for each test that holds a promise."""
    held = {breakage.test.partition("[")[0] for breakage in breakages()}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *held]
    listed = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    tests = [line for line in listed.splitlines() if "::" in line]
    return Counter(test.partition("[")[0] for test in tests)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    started = evidence.provenance(torch.device("cpu")) if args.record else {}
    rows, lost = [], []
    for name in args.only:
        module = import_module(f"tests.faults.{name}")
        start = time.perf_counter()
        done = try_all(module, args.quick, args.seed)
        rows.append(summary(module, done, time.perf_counter() - start))
        lost += [(name, outcome) for outcome in done if not outcome.survived]
    print(
        f"{'faults':12}{'tried':>8}{'survived':>10}{'lost':>6}{'seconds':>9}"
    )
    total = {"name": "together"}
    for key in ("tried", "survived", "lost", "seconds"):
        total[key] = sum(row[key] for row in rows)
    for row in [*rows, total]:
        print(
            f"{row['name']:12}{row['tried']:8,}{row['survived']:10,}"
            f"{row['lost']:6,}{row['seconds']:9.1f}"
        )
    for name, outcome in lost:
        print(f"LOST {name}: {outcome.fault}: {outcome.detail}")
    if args.record:
        record = {"name": args.record, "kind": "faults", **started}
        words = sys.argv[1:] if argv is None else argv
        record["command"] = " ".join(["python -m tests.faults", *words])
        record |= {"seed": args.seed, "families": rows, "cases": cases()}
        print(f"recorded in {evidence.save_record(record)}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
