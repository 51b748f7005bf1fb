"""Train one of the book's networks and test it.

Keeps OUT/last.pt, to be resumed, and OUT/best.pt, the epoch that was best
on the validation images. Ends with the test accuracy of that epoch.
"""

import argparse
import ctypes
import os
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median

import torch
from filelock import FileLock, Timeout
from torch import nn
from torch.amp import GradScaler
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import OneCycleLR

from alexnet_lib import data, engine, evidence
from alexnet_lib.batches import (
    DeviceLoader,
    make_batches,
    preprocess,
    random_crop_flip,
)
from alexnet_lib.checkpoint import keep_last_and_best, load_model, resume
from alexnet_lib.inference import calibration, confusion_matrix, predict_all
from alexnet_lib.init import init_kaiming
from alexnet_lib.model import ARCHITECTURES
from alexnet_lib.photos import BadPhotos

EXAMPLES = """examples:
  two epochs of drawn garments with the small network, in a minute:
    python scripts/train.py fashion --drawn --size small --epochs 2
  Fashion-MNIST, downloaded into data/, on a GPU:
    python scripts/train.py fashion --data data --download --epochs 20 \\
        --precision bf16
  your own photos, one folder per kind in photos/flower_photos/:
    python scripts/train.py flowers --data photos --epochs 60
  what is one part of the recipe worth? the same without it:
    python scripts/train.py fashion --data data --without cycle
  go on after an interruption:
    python scripts/train.py flowers --data photos --epochs 60 --resume
"""

# What a recipe may have beside a network, an optimizer and a learning rate
PARTS = {
    "fashion": ["momentum", "decay", "cycle", "augmentation", "smoothing"],
    "flowers": ["cycle", "augmentation", "smoothing"],
}
RECIPES = {
    "fashion": {
        "full": {
            "arch": "alexnet_fashion",
            "arguments": {},
            "image": {"side": 28, "channels": 1},
            "preprocess": {"resize": 224, "crop": 224},
            "batch": 128,
            "lr": 0.02,
            "parts": ["momentum", "decay", "cycle", "augmentation"],
        },
        "small": {
            "arch": "alexnet_small",
            "arguments": {"channels": 1},
            "image": {"side": 28, "channels": 1},
            "preprocess": {"resize": 96, "crop": 96},
            "batch": 64,
            "lr": 0.02,
            "parts": ["momentum", "decay", "cycle", "augmentation"],
        },
        "normalize": {"mean": [0.286], "std": [0.353]},
    },
    "flowers": {
        "full": {
            "arch": "alexnet_flowers",
            "arguments": {},
            "image": {"side": 256, "channels": 3},
            "preprocess": {"resize": 256, "crop": 224},
            "batch": 32,
            "lr": 2e-4,
            "parts": ["augmentation"],
        },
        "narrow": {
            "arch": "alexnet_narrow",
            "arguments": {},
            "image": {"side": 256, "channels": 3},
            "preprocess": {"resize": 256, "crop": 224},
            "batch": 32,
            "lr": 5e-4,
            "parts": ["cycle", "augmentation"],
        },
        "small": {
            "arch": "alexnet_small",
            "arguments": {"channels": 3},
            "image": {"side": 110, "channels": 3},
            "preprocess": {"resize": 110, "crop": 96},
            "batch": 20,
            "lr": 1e-3,
            "parts": ["augmentation"],
        },
        "normalize": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    },
}
# Options of glibc's malloc, by their numbers in malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
PRECISIONS = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("dataset", choices=RECIPES, help="what to learn")
    add("--drawn", action="store_true", help="the drawn images, not --data")
    root = os.environ.get("ALEXNET_DATA", "data")
    add("--data", type=Path, default=root, help=f"folder (default {root})")
    add("--download", action="store_true", help="fetch the data into --data")
    add("--skip-bad", action="store_true", help="leave out unreadable photos")
    add("--out", type=Path, help="folder (default runs/DATASET)")
    add("--epochs", type=int, default=10, metavar="N", help="default 10")
    add("--images", type=int, metavar="N", help="of each split, at most")
    sizes = ("full", "narrow", "small")
    add("--size", choices=sizes, default="full", help="of the network")
    add("--lr", type=float, help="learning rate (default: the recipe's)")
    known = sorted({part for parts in PARTS.values() for part in parts})
    for option, what in (("--without", "leave out"), ("--with", "add")):
        add(
            option,
            nargs="+",
            default=[],
            choices=known,
            metavar="PART",
            dest="dropped" if option == "--without" else "added",
            help=f"{what} parts of the recipe: {', '.join(known)}",
        )
    add("--seed", type=int, default=0, help="of all random numbers (0)")
    best = str(engine.pick_device())
    add("--device", default=best, help=f"cpu, cuda, mps (here: {best})")
    add("--threads", type=int, metavar="N", help="of the CPU")
    add("--precision", choices=PRECISIONS, default="fp32")
    add("--compile", action="store_true", help="compile the network first")
    add("--resume", action="store_true", help="go on from OUT/last.pt")
    add("--record", metavar="NAME", help="keep the result as a record")
    args = parser.parse_args(argv)
    args.out = args.out or Path("runs", args.dataset)
    if args.size not in RECIPES[args.dataset]:
        parser.error(f"--size: there is no {args.size} network for garments")
    usual = RECIPES[args.dataset][args.size]["parts"]
    chosen = {*usual, *args.added} - {*args.dropped}
    args.parts = [part for part in PARTS[args.dataset] if part in chosen]
    for part in args.dropped + args.added:
        if part not in PARTS[args.dataset]:
            parser.error(
                f"the recipe for {args.dataset} knows no {part}, only "
                + ", ".join(PARTS[args.dataset])
            )
    for name in ("epochs", "images", "threads"):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f"--{name} is {value}: it must be at least 1")
    if args.lr is not None and not args.lr > 0:
        parser.error(f"--lr is {args.lr}: it must be above 0")
    if not args.drawn and not args.download and not args.data.is_dir():
        parser.error(
            f"--data: there is no folder {args.data}: name the one that "
            "holds the data, add --download, or use --drawn"
        )
    if (args.out / "last.pt").exists() and not args.resume:
        parser.error(
            f"--out: {args.out} holds a run already: add --resume to go on "
            "with it, or choose another folder"
        )
    try:
        torch.zeros(1, device=args.device)
    except (RuntimeError, AssertionError):
        parser.error(f"--device: this machine has no {args.device!r}")
    if args.record:
        try:
            path = evidence.record_path(args.record)
        except ValueError as error:
            parser.error(f"--record: {error}")
        if path.exists():
            parser.error(f"--record: {path} exists: choose another name")
    return args


def set_malloc(options: dict[int, int]) -> None:
    """Set options of glibc's malloc; where it is another, nothing."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt:  # this is glibc
            for option, value in options.items():
                mallopt(option, value)


def keep_memory() -> None:
    """Let what is freed stay with this process, to be used again.

    Else glibc, Linux's C library, gives large tensors back after each step,
    and the system has to clear their memory anew for the next one.
    """
    # No block is asked for on its own, and the end of the heap is kept
    set_malloc({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1})


def load_data(args: argparse.Namespace, side: int) -> data.ImageData:
    if args.dataset == "fashion":
        if args.drawn:
            return data.drawn_fashion()
        return data.fashion_mnist(args.data, args.download)
    if args.drawn:
        return data.drawn_flowers(side)
    photos = data.flower_photos(args.data, side, args.download, args.skip_bad)
    for reason in photos.skipped.values():
        print(f"left out: {reason}", file=sys.stderr)
    return photos


def hold(folder: Path) -> AbstractContextManager:
    """The folder of a run, made if need be, for this process alone.

    Better fail now than after an epoch. The system takes the lock back when
    the process ends, however it does.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        held = FileLock(folder / "run.lock").acquire(timeout=1)
        for left in folder.glob("*.partial"):  # of a run killed in a save
            left.unlink()
        return held
    except Timeout:
        raise OSError(
            f"another run is at work in {folder}: wait until it has ended, "
            "or name another folder with --out"
        ) from None
    except OSError as error:
        raise OSError(
            f"cannot write to {folder} ({error.strerror}): name another "
            "folder with --out"
        ) from error


class Stopped(BaseException):  # no handler of errors may take it
    """A signal asked to stop; its number is the argument."""


class Stop:
    """SIGINT (Ctrl-C) and SIGTERM stop at once, but training after a step."""

    def __init__(self):
        self.asked, self.training, self.owner = 0, False, os.getpid()
        self.usual = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.usual[number] = signal.signal(number, self.ask)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self.usual.items():
            signal.signal(number, handler)

    def ask(self, number: int, frame: object) -> None:
        if os.getpid() != self.owner:  # a worker, whose owner was asked too
            if number == signal.SIGTERM:
                os._exit(128 + number)
        elif self.asked or not self.training:
            raise Stopped(number)
        else:
            self.asked = number
            os.write(2, b"\nstopping after this step; once more: at once\n")

    def check(self) -> None:
        """Stop, if that was asked."""
        if self.asked:
            raise Stopped(self.asked)


class Steps:
    """A loader that looks between two batches whether to stop."""

    def __init__(self, loader: DeviceLoader, stop: Stop):
        self.loader, self.stop = loader, stop

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in self.loader:
            self.stop.check()
            yield batch


def make_loaders(
    args: argparse.Namespace, splits: dict, prepared: dict, stop: Stop
) -> dict[str, Steps]:
    """A loader for each split; what is learned from may be augmented.

    Windows and mirror images of photos; of garments, which are as large as
    the window, mirror images alone.
    """
    prepare = learn = preprocess(**prepared)
    if "augmentation" in args.parts:
        augment = random_crop_flip(prepared["crop"])
        learn = preprocess(**prepared, augment=augment)
    loaders = {}
    for split, chosen in splits.items():
        train = split == "train"
        batch = RECIPES[args.dataset][args.size]["batch"]
        loader = DeviceLoader(
            make_batches(chosen, batch, train, args.device),
            learn if train else prepare,
            args.device,
        )
        loaders[split] = Steps(loader, stop)
    return loaders


def make_state(
    args: argparse.Namespace, arguments: dict, steps: int
) -> engine.TrainState:
    """The untrained network, with what trains it for `steps` an epoch.

    Garments are learned with SGD, flowers with Adam.
    """
    size = RECIPES[args.dataset][args.size]
    torch.manual_seed(args.seed)
    model = ARCHITECTURES[size["arch"]](**arguments)
    init_kaiming(model)  # for ReLU, it keeps the size of the signal
    model = model.to(args.device, memory_format=torch.channels_last)
    if args.compile:
        model.compile()
    # Fused steps are the fastest, but on a CPU not safe with fp16's scaler
    fused = args.precision != "fp16"
    if args.dataset == "flowers":
        optimizer = Adam(model.parameters(), args.lr, fused=fused)
    else:
        optimizer = SGD(
            model.parameters(),
            args.lr,
            momentum=0.9 if "momentum" in args.parts else 0.0,
            weight_decay=5e-4 if "decay" in args.parts else 0.0,
            fused=fused,
        )
    scheduler = None
    if "cycle" in args.parts:
        scheduler = OneCycleLR(optimizer, args.lr, args.epochs * steps)
    kind = torch.device(args.device).type
    precision = PRECISIONS[args.precision]
    return engine.TrainState(
        model,
        optimizer,
        scheduler,
        # PyTorch's own start, 65536, overflows in the first steps
        GradScaler(kind, 1024.0, enabled=args.precision == "fp16"),
        torch.autocast(kind, precision, args.precision != "fp32"),
    )


def run(args: argparse.Namespace, stop: Stop, held: ExitStack) -> None:
    """Train, keep the last and the best epoch, test the best, record it."""
    keep_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    started = evidence.provenance(device) if args.record else {}
    recipe = RECIPES[args.dataset]
    size = recipe[args.size]
    images = load_data(args, size["image"]["side"])
    held.enter_context(hold(args.out))
    args.lr = args.lr or size["lr"]
    prepared = {**size["preprocess"], **recipe["normalize"]}
    splits = {
        split: getattr(images, split).first(args.images or sys.maxsize)
        for split in ("train", "val", "test")
    }
    counts = {split: len(chosen.labels) for split, chosen in splits.items()}
    streamed = isinstance(images.train, data.Photos)
    loaders = make_loaders(args, splits, prepared, stop)
    arguments = {**size["arguments"], "num_classes": len(images.classes)}
    state = make_state(args, arguments, len(loaders["train"]))
    card = {
        "arch": size["arch"],
        "arguments": arguments,
        "classes": images.classes,
        "image": size["image"],
        "preprocess": prepared,
        "data": images.checksum,
        "images": counts["train"],
        "batch": size["batch"],
        "lr": args.lr,
        "parts": args.parts,
        "seed": args.seed,
        "precision": args.precision,
        "compile": args.compile,
    }
    if "cycle" in args.parts:
        card["epochs"] = args.epochs  # the cycle is laid out for them
    if args.resume and (args.out / "last.pt").exists():
        resume(args.out / "last.pt", state, card)
        print(f"resumed after epoch {len(state.history)}")
    print(
        f"{images.name}, "
        f"{'read anew in each epoch' if streamed else 'in memory'}: "
        f"{counts['train']:,} to learn from, "
        f"{counts['val']:,} to choose by, {counts['test']:,} to test on; "
        f"{size['arch']} on {evidence.device_name(device)}"
    )
    callbacks = [engine.print_epoch, keep_last_and_best(args.out, card)]
    stop.training = True
    wall, cpu = time.perf_counter(), time.process_time()
    history = engine.fit(
        state,
        loaders["train"],
        loaders["val"],
        args.epochs,
        callbacks,
        nn.CrossEntropyLoss(
            label_smoothing=0.1 if "smoothing" in args.parts else 0.0
        ),
        args.seed,
    )
    busy = (time.process_time() - cpu) / (time.perf_counter() - wall)
    tested = test_best(args, history, loaders["test"])
    if args.record:
        seconds = median(row["seconds"] for row in history)
        record = {
            "name": args.record,
            **started,
            "cpu_per_wall_second": round(busy, 2),
            "data": {"name": images.name, **counts, "checksum": card["data"]},
            "seed": args.seed,
            "card": card,
            "history": history,
            **tested,
            "seconds_per_epoch": seconds,
            "images_per_second": counts["train"] / seconds,
            "peak_memory_bytes": evidence.peak_memory(device),
        }
        print(f"recorded in {evidence.save_record(record)}")


def test_best(
    args: argparse.Namespace, history: list[dict], loader: Steps
) -> dict:
    """Look once at the test images, with the epoch that was best on val."""
    model, _ = load_model(args.out / "best.pt", args.device)
    model = model.to(memory_format=torch.channels_last)
    progress = engine.progress(loader, "test")
    probabilities, labels = predict_all(model, progress)
    counts = confusion_matrix(probabilities, labels)
    count = int(counts.sum())
    accuracy = int(counts.trace()) / count
    error = evidence.standard_error(accuracy, count)
    best = engine.best_epoch(history)
    print(
        f"test accuracy {accuracy:.4f} with a standard error of {error:.4f} "
        f"on {count:,} images, with the network of epoch {best['epoch']}, "
        f"whose val accuracy was the best: {best['val_accuracy']:.4f}"
    )
    return {
        "best_epoch": best["epoch"],
        "test_accuracy": accuracy,
        "test_count": count,
        "test_standard_error": error,
        "confusion": counts.tolist(),
        "calibration": calibration(probabilities, labels),
    }


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        with Stop() as stop, ExitStack() as held:
            try:
                run(args, stop, held)
            except RuntimeError:  # a worker that the signal ended first
                stop.check()
                raise
    except Stopped as stopped:
        print(f"stopped: {how_to_resume(args, argv)}", file=sys.stderr)
        return 128 + stopped.args[0]
    except BadPhotos as error:
        for reason in error.bad.values():
            print(f"error: {reason}", file=sys.stderr)
        print(
            f"mend or remove these {len(error.bad)} files, or leave them out "
            "with --skip-bad",
            file=sys.stderr,
        )
        return 1
    except (OSError, ValueError, FloatingPointError) as error:
        # Of a worker's error, the last line; a traceback stands before it
        reason = str(error).strip().rpartition("\n")[2]
        print(f"error: {reason}", file=sys.stderr)
        return 1
    return 0


def how_to_resume(args: argparse.Namespace, argv: list[str] | None) -> str:
    words = sys.argv[1:] if argv is None else argv
    resume = [] if args.resume else ["--resume"]
    command = shlex.join(["python", "scripts/train.py", *words, *resume])
    kept = args.out / "last.pt"
    if not kept.exists():
        return "no epoch was whole yet, so nothing was kept"
    return f"{kept} holds the last whole epoch; go on with\n  {command}"


if __name__ == "__main__":
    sys.exit(main())
