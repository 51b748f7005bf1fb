"""A training run that is killed again and again, and resumed."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tqdm import tqdm

from alexnet_lib.checkpoint import load_checkpoint
from scripts import train

from . import Outcome

NAME = "kills"
PROMISE = (
    "A run that is killed at any moment goes on after its last whole epoch, "
    "and ends with the same weights, bit for bit."
)
SMALL, FULL = 5, 50
ROOT = Path(__file__).parents[2]
# No cycle: it would fix the number of epochs, which the kills decide
WORDS = "fashion --drawn --size small --images 60 --threads 1 --device cpu"
WORDS = [*WORDS.split(), "--without", "cycle"]
MOMENTS = ("between", "saving", "epoch", "start")
PATIENCE = 60.0  # seconds


def child(words: list[str], log: Path) -> None:
    """What a forked process does: the script, with its output in a file."""
    with open(log, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # Its usual lock is shared by processes, and would outlive a killed one
    tqdm.set_lock(threading.RLock())
    sys.exit(train.main(words))


class Run:
    """The script in a process of its own, started anew or forked.

    A process that was forked from one that has PyTorch in memory saves the
    seconds of importing it.
    """

    def __init__(
        self, out: Path, epochs: int, anew: bool, log: Path | None = None
    ):
        self.out, self.log = out, log or out.with_suffix(".log")
        self.log.write_text("")
        words = [*WORDS, "--out", str(out), "--epochs", str(epochs)]
        words += ["--resume"] if (out / "last.pt").exists() else []
        if anew:
            script = [sys.executable, str(ROOT / "scripts" / "train.py")]
            with open(self.log, "w") as file:
                self.process = subprocess.Popen(
                    [*script, *words], stdout=file, stderr=file, cwd=ROOT
                )
        else:
            server = multiprocessing.get_context("forkserver")
            server.set_forkserver_preload(["scripts.train"])
            self.process = server.Process(target=child, args=(words, self.log))
            self.process.start()

    def send(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def alive(self) -> bool:
        if isinstance(self.process, subprocess.Popen):
            return self.process.poll() is None
        return self.process.is_alive()

    def end(self) -> int:
        """Wait for it; its exit code, or the signal's number, negative."""
        if isinstance(self.process, subprocess.Popen):
            return self.process.wait(PATIENCE)
        self.process.join(PATIENCE)
        return self.process.exitcode

    def until(self, seen: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is seen, while the process lives."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.alive():
            if seen():
                return True
        return False


def changed(path: Path) -> int:
    """When a file was last written, in nanoseconds; 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def wait_for(moment: str, run: Run, rng: random.Random) -> None:
    """Return at the moment at which the run is to be killed."""
    if moment == "start":
        time.sleep(rng.uniform(0, 2))
        return
    best, last = run.out / "best.pt", run.out / "last.pt"
    old = changed(last)
    seen = {
        "between": lambda: changed(best) > changed(last),
        "saving": lambda: any(run.out.glob("*.partial")),
        "epoch": lambda: changed(last) > old,
    }
    # A later best epoch may never come
    patient = moment != "between" or not last.exists()
    run.until(seen[moment], PATIENCE if patient else 4)
    if moment == "epoch":
        time.sleep(rng.uniform(0, 0.3))


def epochs_in(path: Path) -> int:
    return len(load_checkpoint(path)["history"]) if path.exists() else 0


def kill_once(run: Run, moment: str, rng: random.Random) -> Outcome:
    """Kill a run and look at what it left."""
    last, best = run.out / "last.pt", run.out / "best.pt"
    before = epochs_in(last)
    wait_for(moment, run, rng)
    run.send(signal.SIGKILL)
    ended = run.end() == -signal.SIGKILL
    try:
        kept, chosen = epochs_in(last), epochs_in(best)
    except ValueError as error:
        return Outcome("SIGKILL", False, str(error))
    if chosen > kept:
        where = "between the writing of best and last"
    elif any(run.out.glob("*.partial")):
        where = "while a file was written"
    elif moment == "start":
        where = "at the start"
    else:
        where = "in an epoch"
    whole = ended and kept >= before and (chosen > 0 or kept == 0)
    return Outcome(f"SIGKILL {where}", whole, f"{kept} whole epochs")


def stop_once(run: Run, number: int) -> Outcome:
    """Ask a run to stop in its second new epoch."""
    last = run.out / "last.pt"
    old = changed(last)
    run.until(lambda: changed(last) > old, PATIENCE)
    run.send(number)
    code = run.end()
    text = run.log.read_text().replace("\r", "\n")
    done = [line for line in text.splitlines() if line.startswith("epoch ")]
    said = int(done[-1].split()[1].rstrip(":"))
    good = (
        code == 128 + number
        and epochs_in(last) == said
        and "--resume" in text
        and "Traceback" not in text
        and not any(run.out.glob("*.partial"))
    )
    name = signal.Signals(number).name
    return Outcome(f"{name} in an epoch", good, f"exit {code}, epoch {said}")


def second_run(run: Run, anew: bool) -> Outcome:
    """Start another run into the folder of one that stands still."""
    run.until(lambda: "train:" in run.log.read_text(), PATIENCE)
    run.send(signal.SIGSTOP)
    other = Run(run.out, 1, anew, run.log.with_name("second.log"))
    code, text = other.end(), other.log.read_text()
    run.send(signal.SIGKILL)
    run.send(signal.SIGCONT)
    run.end()
    good = code == 1 and text.startswith("error: another run")
    return Outcome("a second run into the same folder", good, text.strip())


def differences(one: Path, other: Path) -> list[str]:
    """In what two checkpoints differ, leaving out what the clock says."""
    kept, expected = (load_checkpoint(f / "last.pt") for f in (one, other))
    for saved in (kept, expected):
        for row in saved["history"]:
            del row["seconds"]
    flat = [torch.utils._pytree.tree_flatten(s) for s in (kept, expected)]
    (values, shape), (others, other_shape) = flat
    if shape != other_shape:
        return ["the structure"]
    names = [
        torch.utils._pytree.keystr(path)
        for path, _ in torch.utils._pytree.tree_flatten_with_path(kept)[0]
    ]
    return [
        name
        for name, a, b in zip(names, values, others, strict=True)
        if not (torch.equal(a, b) if torch.is_tensor(a) else a == b)
    ]


def outcomes(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """Kill one run `count` times, stop it twice, and let it end."""
    anew = count >= FULL
    out = folder / "broken"
    for number in range(count):
        moment = MOMENTS[number % 4] if number < 4 else rng.choice(MOMENTS)
        yield kill_once(Run(out, 10**6, anew), moment, rng)
    for number in (signal.SIGINT, signal.SIGTERM):
        yield stop_once(Run(out, 10**6, anew), number)
    yield second_run(Run(out, 10**6, anew), anew)
    epochs = epochs_in(out / "last.pt") + 2
    ended = [Run(out, epochs, anew).end()]
    unbroken = folder / "unbroken"
    ended.append(Run(unbroken, epochs, anew).end())
    differ = differences(out, unbroken)
    good = ended == [0, 0] and not differ
    name = f"the end after {count} kills, {epochs} epochs"
    yield Outcome(name, good, ", ".join(differ) or "equal to the last bit")
