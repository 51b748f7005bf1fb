"""Experiments that take no time, for the tests of `benchmarks.seeds`."""

import os
from pathlib import Path

import torch


def half(seed: int) -> dict:
    """Two variants from one experiment; says on how many threads."""
    rows = {"val_accuracy": seed / 2, "train_loss": None}
    return {"half": rows, "threads": {"count": torch.get_num_threads()}}


def fragile(seed: int) -> dict:
    """Fails while the file named in TINY_BROKEN is there; notes each call."""
    broken = Path(os.environ["TINY_BROKEN"])
    with open(f"{broken}.calls", "a") as calls:
        calls.write(f"{seed}\n")
    if seed == 1 and broken.exists():
        raise ValueError("seed 1 is unlucky")
    return {"fragile": {"val_accuracy": 1.0 - seed}}


def not_finite(seed: int) -> dict:
    """What JSON cannot hold."""
    return {"not_finite": {"train_loss": float("nan")}}


EXPERIMENTS = {"half": half, "fragile": fragile}


def about() -> dict:
    """Nothing is read."""
    return {"data": {"name": "none"}, "settings": {}}
