"""Disks that are full, folders that vanish, links, and two at one time."""

import contextlib
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from alexnet_lib.checkpoint import load_checkpoint, save_file
from alexnet_lib.drawings import made_once

from . import Outcome
from .kills import PATIENCE, ROOT, Run, epochs_in

NAME = "disk"
PROMISE = (
    "A full disk, a folder that may not be written or that vanishes: what "
    "was kept stays whole, and one sentence says what happened."
)
SMALL, FULL = 10, 200
LARGEST = 5_000_000  # bytes, less than either file of the run has


@contextlib.contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def content(epoch: int) -> dict:
    return {"card": {"epoch": epoch}, "model": {"w": torch.full((5000,), 1.0)}}


def full_while_saving(folder: Path, size: int) -> Outcome:
    """Save into a file of which only the first `size` bytes fit."""
    path = folder / "last.pt"
    save_file(content(1), path)
    said = ""
    try:
        with file_limit(size):
            save_file(content(2), path)
    except OSError as error:
        said = str(error)
    whole = load_checkpoint(path)["card"] == {"epoch": 1}
    good = whole and str(path) in said and os.listdir(folder) == ["last.pt"]
    return Outcome(f"disk full after {size:,} bytes", good, said)


def ended(run: Run) -> tuple[int, str]:
    """The exit code of a run, and the line with its error."""
    code, text = run.end(), run.log.read_text().replace("\r", "\n")
    if "Traceback" in text:
        return code, "a traceback"
    lines = [line for line in text.splitlines() if line.startswith("error:")]
    return code, " ".join(lines)


def full_while_training(folder: Path, anew: bool) -> Iterator[Outcome]:
    """The disk fills in a run; room is made, and the run goes on."""
    out = folder / "full"
    run = Run(out, 10**6, anew)
    run.until(lambda: (out / "last.pt").exists(), PATIENCE)
    limits = (LARGEST, LARGEST)
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, limits)
    code, said = ended(run)
    kept = epochs_in(out / "last.pt")
    good = code == 1 and "File too large" in said and kept > 0
    good &= not any(out.glob("*.partial"))
    yield Outcome("disk full in a run", good, said)
    code, said = ended(Run(out, kept + 1, anew))
    good = code == 0 and epochs_in(out / "last.pt") == kept + 1
    yield Outcome("the run goes on when there is room", good, said)


def vanishes(folder: Path, anew: bool) -> Outcome:
    out = folder / "vanishes"
    run = Run(out, 10**6, anew)
    run.until(lambda: (out / "last.pt").exists(), PATIENCE)
    run.send(signal.SIGSTOP)
    shutil.rmtree(out)
    run.send(signal.SIGCONT)
    code, said = ended(run)
    good = code == 1 and "No such file" in said and not out.exists()
    return Outcome("folder deleted in a run", good, said)


def not_writable(folder: Path, anew: bool) -> Outcome:
    """A file stands where the folder of the run should be."""
    (folder / "file").write_text("in the way")
    log = folder / "file.log"
    code, said = ended(Run(folder / "file" / "run", 1, anew, log))
    good = code == 1 and "another folder with --out" in said
    good &= (folder / "file").read_text() == "in the way"
    return Outcome("folder that cannot be made", good, said)


def mounted(folder: Path, anew: bool) -> Iterator[Outcome]:
    """A real small disk, full or read-only, where mounting is allowed."""
    disk = folder / "small disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return
    try:
        log = folder / "small.log"
        code, said = ended(Run(disk / "run", 2, anew, log))
        good = code == 1 and "No space left" in said
        yield Outcome("run on a disk of 1 MB", good, said)
        shutil.rmtree(disk / "run")
        command = ["mount", "-o", "remount,ro", str(disk)]
        subprocess.run(command, check=True, capture_output=True)
        code, said = ended(Run(disk / "run", 2, anew, log))
        good = code == 1 and "Read-only file system" in said
        yield Outcome("run on a read-only disk", good, said)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def names(folder: Path, anew: bool) -> Outcome:
    out = folder / "mit Leerzeichen, ünïcode, 花" / "run"
    code, said = ended(Run(out, 1, anew, folder / "names.log"))
    good = code == 0 and epochs_in(out / "best.pt") == 1
    return Outcome("spaces and letters of all kinds in a path", good, said)


def links(folder: Path) -> Iterator[Outcome]:
    for target in ("old.pt", "new.pt"):
        place = folder / "elsewhere"
        place.mkdir(exist_ok=True)
        if target == "old.pt":
            save_file(content(1), place / target)
        link = folder / f"link to {target}"
        link.symlink_to(place / target)
        save_file(content(2), link)
        read = load_checkpoint(place / target)["card"]
        good = link.is_symlink() and read == {"epoch": 2}
        yield Outcome(f"a link to a file, {target[:3]}", good, str(read))
    (folder / "link to a folder").symlink_to(place)
    save_file(content(3), folder / "link to a folder" / "old.pt")
    good = load_checkpoint(place / "old.pt")["card"] == {"epoch": 3}
    yield Outcome("a link to a folder", good)


def slowly(folder: Path) -> None:
    folder.mkdir()
    for number in range(20):
        (folder / str(number)).write_text(f"{os.getpid()}")
        time.sleep(0.01)


def two_at_once(folder: Path) -> Outcome:
    """Two processes make the same folder; one copy stays, all of it."""
    processes = [
        multiprocessing.get_context("fork").Process(
            target=made_once, args=(folder / "made", slowly)
        )
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    files = list((folder / "made").iterdir())
    makers = {path.read_text() for path in files}
    codes = [process.exitcode for process in processes]
    good = codes == [0, 0] and len(files) == 20 and len(makers) == 1
    good &= [path.name for path in folder.iterdir()] == ["made"]
    return Outcome("two processes make one folder", good, f"exit {codes}")


def draw_at_once(folder: Path) -> Outcome:
    """Two processes draw the garments at the same time."""
    code = (
        "from alexnet_lib.data import drawn_fashion as d; print(d().checksum)"
    )
    env = {**os.environ, "ALEXNET_CACHE": str(folder), "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(2)
    ]
    sums = {process.communicate(timeout=300)[0].strip() for process in both}
    good = len(sums) == 1 and "" not in sums
    good &= [path.name for path in folder.iterdir()] == ["drawn-fashion-v1"]
    return Outcome("two processes draw the garments", good, f"{sums}")


def outcomes(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """Try all of these, and `count` places at which a disk is full."""
    anew = count >= FULL
    tasks = ("saving", "links", "made", "drawn", "runs")
    place = {task: folder / task for task in tasks}
    for path in place.values():
        path.mkdir()
    save_file(content(1), place["saving"] / "last.pt")
    size = (place["saving"] / "last.pt").stat().st_size
    for _ in range(count):
        yield full_while_saving(place["saving"], rng.randrange(size))
    yield from links(place["links"])
    yield two_at_once(place["made"])
    if anew:
        yield draw_at_once(place["drawn"])
    yield not_writable(place["runs"], anew)
    yield names(place["runs"], anew)
    yield vanishes(place["runs"], anew)
    yield from full_while_training(place["runs"], anew)
    yield from mounted(place["runs"], anew)
