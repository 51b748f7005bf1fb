"""Measure effects over seeds, and keep what came out as a record.

Seed 0 of every experiment, then seed 1, and so on; each result is kept in
`build` at once, so that a run that was stopped goes on where it was, as long
as the code is the same commit.
"""

import argparse
import json
import multiprocessing
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from pathlib import Path
from statistics import mean, stdev

import torch
from tqdm import tqdm

from alexnet_lib import evidence
from scripts.train import keep_memory

from .clock import quiet

EXAMPLES = """examples:
  the effects of chapter 09, five seeds, in place of the old record:
    python -m benchmarks.seeds cases --replace
  the ablations of chapter 10, three seeds, in place of the old record:
    python -m benchmarks.seeds ablations --seeds 3 --replace
  the first steps of the whole network of the paper:
    python -m benchmarks.seeds starts --seeds 1 --replace
  a look at two experiments, which records nothing:
    python -m benchmarks.seeds cases --only healthy eval_leaks --seeds 1
"""
# The module of each name has EXPERIMENTS and about(); an experiment takes a
# seed and gives {variant: {quantity: number}}
MODULES = {
    "cases": "benchmarks.effects",
    "ablations": "benchmarks.ablations",
    "paper": "benchmarks.paper",
    "starts": "benchmarks.starts",
}
BUILD = Path(__file__).parents[1] / "build" / "seeds"
SHOWN = ("train_loss", "val_accuracy", "test_accuracy")


def prepare_process() -> None:
    """One thread, and numbers whose rounding no machine shows."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    keep_memory()


def measure(module: str, experiment: str, seed: int, path: Path) -> None:
    """Run one experiment with one seed, and keep its results at `path`."""
    with quiet():
        rows = import_module(module).EXPERIMENTS[experiment](seed)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(rows, allow_nan=False))
    partial.replace(path)


def results_folder(name: str, commit: str) -> Path:
    """Where the results of this code are kept; changed code has none yet."""
    folder = BUILD / f"{name}-{commit[:12]}{'-changed' * (' ' in commit)}"
    if " " in commit:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def measure_all(
    name: str, experiments: list[str], seeds: int, folder: Path, jobs: int
) -> dict[str, list[dict]]:
    """The rows of every variant, one for each seed."""
    tasks = [
        (experiment, seed, folder / f"{experiment}-{seed}.json")
        for seed in range(seeds)
        for experiment in experiments
    ]
    missing = [task for task in tasks if not task[2].is_file()]
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), prepare_process
    )
    bar = tqdm(
        total=len(tasks),
        initial=len(tasks) - len(missing),
        desc=name,
        file=sys.stderr,
    )
    try:
        started = [
            pool.submit(measure, MODULES[name], *task) for task in missing
        ]
        for done in as_completed(started):
            done.result()  # raises what the experiment raised
            bar.update()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        bar.close()
    runs = {}
    for _, seed, path in tasks:
        for variant, row in json.loads(path.read_text()).items():
            runs.setdefault(variant, []).append({"seed": seed, **row})
    return runs


def summary(runs: dict[str, list[dict]]) -> str:
    """A line for each variant: mean and standard deviation of what is shown.

    What a variant does not have is left empty.
    """
    lines = [" " * 22 + "".join(f"{name:>20}" for name in SHOWN)]
    for variant, rows in runs.items():
        line = f"{variant:22}"
        for name in SHOWN:
            values = [row[name] for row in rows if row.get(name) is not None]
            if values:
                spread = stdev(values) if len(values) > 1 else 0.0
                line += f"{f'{mean(values):.3f} ± {spread:.3f}':>20}"
            else:
                line += " " * 20
        lines.append(f"{line.rstrip()}  n={len(rows)}")
    return "\n".join(lines)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.seeds",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", choices=MODULES, help="of: " + ", ".join(MODULES))
    add("--seeds", type=int, default=5, metavar="N", help="0 to N-1 (5)")
    add("--jobs", type=int, default=2, metavar="N", help="at once (2)")
    add("--only", nargs="+", metavar="NAME", help="these; without a record")
    add("--replace", action="store_true", help="an older record goes")
    args = parser.parse_args(argv)
    args.words = sys.argv[1:] if argv is None else argv
    for option in ("seeds", "jobs"):
        if getattr(args, option) < 1:
            parser.error(f"--{option} is {getattr(args, option)}: at least 1")
    known = list(import_module(MODULES[args.name]).EXPERIMENTS)
    args.only = args.only or []
    if unknown := [name for name in args.only if name not in known]:
        parser.error(
            f"--only: there is no {unknown[0]!r}, but " + ", ".join(known)
        )
    args.experiments = args.only or known
    args.record = f"{args.name}-cpu"
    if not (args.only or args.replace):
        path = evidence.record_path(args.record)
        if path.exists():
            parser.error(f"{path.name} is there already: add --replace")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    prepare_process()
    started = evidence.provenance(torch.device("cpu"))
    folder = results_folder(args.name, started["commit"])
    runs = measure_all(
        args.name, args.experiments, args.seeds, folder, args.jobs
    )
    print(summary(runs))
    if args.only:
        return 0
    record = {"name": args.record, "kind": "seeds", **started}
    record["command"] = " ".join(["python -m benchmarks.seeds", *args.words])
    record |= {**import_module(MODULES[args.name]).about(), "runs": runs}
    if args.replace:
        evidence.record_path(args.record).unlink(missing_ok=True)
    print(f"recorded in {evidence.save_record(record)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
