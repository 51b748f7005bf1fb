"""How long the recipe for garments takes to an accuracy."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from alexnet_lib.checkpoint import load_checkpoint

GOALS = (0.88, 0.92)
SCRIPT = Path(__file__).parents[1] / "scripts" / "train.py"
EPOCHS = 20


def seconds_to(history: list[dict], accuracy: float) -> float | None:
    """Seconds until the val accuracy first reached `accuracy`.

    Whole epochs are counted, their evaluation included; None if it was
    never reached.
    """
    seconds = 0.0
    for row in history:
        seconds += row["seconds"]
        if row["val_accuracy"] >= accuracy:
            return seconds
    return None


def measure(device: torch.device, drawn: bool = False, *more: str) -> dict:
    """Train on Fashion-MNIST as `scripts/train.py` does, and look back.

    The full network on a GPU, the small one on a CPU. `more` are further
    options of the script.
    """
    root = os.environ.get("ALEXNET_DATA")
    if not root and not drawn:
        raise FileNotFoundError(
            "time to accuracy needs the real garments: name the folder that "
            "holds Fashion-MNIST in the environment variable ALEXNET_DATA"
        )
    size = "full" if device.type == "cuda" else "small"
    data = ["--drawn"] if drawn else ["--data", root]
    settings = [
        *("fashion", *data, "--size", size, "--device", str(device)),
        *("--epochs", str(EPOCHS), "--precision", "bf16"),
        *("--threads", str(torch.get_num_threads()), *more),
    ]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, SCRIPT, *settings, "--out", folder],
            stdout=sys.stderr,
            check=True,
        )
        saved = load_checkpoint(Path(folder, "last.pt"))
    history = saved["history"]
    return {
        "network": saved["card"]["arch"],
        "epochs": len(history),
        "seconds": {str(goal): seconds_to(history, goal) for goal in GOALS},
        "best_val_accuracy": max(row["val_accuracy"] for row in history),
    }
