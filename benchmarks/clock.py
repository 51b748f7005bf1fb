"""Rows that are timed in turn, and what may be said about them afterwards."""

import contextlib
import io
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import torch
from tqdm import tqdm

from scripts.train import keep_memory

from .machine import (
    give_memory_back,
    product_rate,
    seconds_used,
    synchronize,
)

CONTENDED = 0.10  # of one core in use by others: the row does not count


@dataclass
class Row:
    """One way of doing a piece of work, with the times that it took.

    `images` is what its speed is counted in, `flop` the operations of one
    run by count, `warm` what is run once before, outside the clock. Where
    `keeps_memory`, freed memory stays with the process, as in
    `scripts/train.py`; a run outside the clock fetches it first.
    """

    group: str
    name: str
    images: int
    flop: float
    run: Callable[[], object]
    warm: Callable[[], object] | None = None
    precision: str = "fp32"
    keeps_memory: bool = False
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Images a second, by the median round."""
        return self.images / median(self.seconds)

    @property
    def contended(self) -> bool:
        """Whether other programs had a part of the machine meanwhile."""
        return sum(self.others) > CONTENDED * sum(self.seconds)

    def per_second(self, used: list[float]) -> float | None:
        """CPU seconds per second; None where the system does not tell."""
        return sum(used) / sum(self.seconds) if used else None

    def result(self) -> dict:
        """What is kept of a row.

        Its share of the machine's limit, the rate of a matrix product in
        the same precision, is taken round by round, as all ratios are.
        """
        shares = [
            self.flop / seconds / limit
            for seconds, limit in zip(self.seconds, self.limits, strict=True)
        ]
        return {
            "group": self.group,
            "name": self.name,
            "images": self.images,
            "flop": self.flop,
            "precision": self.precision,
            "seconds": self.seconds,
            "images_per_second": self.speed,
            "best_images_per_second": self.images / min(self.seconds),
            "flop_per_second": self.flop / median(self.seconds),
            "share_of_product_rate": median(shares),
            "shares": shares,
            "cpu_per_wall_second": self.per_second(self.cpu),
            "others_per_wall_second": self.per_second(self.others),
            "contended": self.contended,
        }


@contextlib.contextmanager
def quiet():
    """Without the progress bars of the library."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def time_once(row: Row, device: torch.device) -> None:
    """Run a row once and note wall time, CPU time and that of others."""
    if row.keeps_memory:
        keep_memory()
        with quiet():
            (row.warm or row.run)()
    else:
        give_memory_back()
    synchronize(device)
    used, start = seconds_used(), time.perf_counter()
    with quiet():
        row.run()
    synchronize(device)
    row.seconds.append(time.perf_counter() - start)
    if used and (now := seconds_used()):
        row.cpu.append(now[0] - used[0])
        row.others.append(max(0.0, now[1] - used[1]))


def time_in_turn(rows: list[Row], rounds: int, device: torch.device) -> None:
    """Every row once, then every row again, in the opposite order.

    A machine that gets slower or faster meanwhile does so for all rows,
    and for its own limits, which each round measures, too.
    """
    bar = tqdm(
        total=(rounds + 1) * len(rows),
        file=sys.stderr,
        bar_format="{percentage:3.0f}%|{bar:20}| {desc:60}",
        leave=False,
    )
    with bar:
        for number in range(rounds + 1):
            limits = {
                "fp32": product_rate(device, torch.float32, rounds=4),
                "bf16": product_rate(device, torch.bfloat16, rounds=4),
            }
            for row in rows[:: -1 if number % 2 else 1]:
                bar.set_description_str(f"{row.group}: {row.name}")
                if number:
                    time_once(row, device)
                    row.limits.append(limits[row.precision])
                else:
                    with quiet():
                        (row.warm or row.run)()
                bar.update()


def compare(fast: Row, slow: Row) -> dict:
    """How many times as fast, round by round, counted in images."""
    rounds = [
        (fast.images / a) / (slow.images / b)
        for a, b in zip(fast.seconds, slow.seconds, strict=True)
    ]
    return {
        "of": fast.name,
        "against": slow.name,
        "rounds": rounds,
        "median": median(rounds),
        "lowest": min(rounds),
        "highest": max(rounds),
        "contended": fast.contended or slow.contended,
    }
