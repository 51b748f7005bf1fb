"""The numbers that the book prints: records of runs, and bands."""

import json
import math
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import torch
import torchvision

RECORDS = Path(__file__).parent / "records"


def record_path(name: str) -> Path:
    """Where the record `name` lies, whether or not it has been made."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise ValueError(
            f"{name!r} cannot name a record: use small letters, digits, "
            "hyphens and underscores"
        )
    return RECORDS / f"{name}.json"


def load_record(name: str) -> dict:
    """The record of one measured run, as `save_record` wrote it."""
    path = record_path(name)
    if not path.is_file():
        known = sorted(p.stem for p in RECORDS.glob("*.json"))
        raise FileNotFoundError(
            f"{name} has not been measured: there are records of "
            + (", ".join(known) or "nothing yet")
        )
    return json.loads(path.read_text())


def save_record(record: dict) -> Path:
    """Write a record under its name; an older one is not overwritten."""
    path = record_path(record["name"])
    path.parent.mkdir(exist_ok=True)
    with open(path, "x") as file:
        file.write(json.dumps(record, indent=1) + "\n")
    return path


def provenance(device: torch.device) -> dict:
    """What was run, where, when and with which versions."""
    code = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", code, *arguments], capture_output=True, text=True
        )
        return done.stdout.strip()

    ours = ("alexnet_lib/*.py", "scripts", "benchmarks", "tests/faults")
    changed = git("status", "--porcelain", "--", *ours)
    return {
        "command": " ".join(["python", *sys.argv]),
        "commit": git("rev-parse", "HEAD") + (" changed" if changed else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
    }


def device_name(device: torch.device) -> str:
    """The name that its maker gave the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.is_file() else ""
    found = re.search(r"model name\s*: (.+)", text)
    return found[1] if found else platform.processor() or device.type


def peak_memory(device: torch.device) -> int:
    """The most bytes that were in use: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux; rusage would count the process that started this one, too
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1])
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def standard_error(accuracy: float, count: int) -> float:
    """How far an accuracy from `count` images is likely to be off."""
    return math.sqrt(accuracy * (1 - accuracy) / count)


def in_band(name: str, value: float, records: list[str]) -> None:
    """Print `value` beside what the records lead one to expect.

    The band reaches two standard errors beyond the lowest and the highest
    recorded test accuracy. A value outside it is an error.
    """
    runs = [load_record(record) for record in records]
    errors = [
        2 * standard_error(run["test_accuracy"], run["test_count"])
        for run in runs
    ]
    accuracies = [run["test_accuracy"] for run in runs]
    low = min(a - e for a, e in zip(accuracies, errors, strict=True))
    high = max(a + e for a, e in zip(accuracies, errors, strict=True))
    if high - low > 0.10:
        raise ValueError(f"the band {low:.3f} to {high:.3f} is too wide")
    print(f"{name}: {value:.3f}, expected {low:.3f} to {high:.3f}")
    if not low <= value <= high:
        raise AssertionError(
            f"{name} is {value:.3f}, outside {low:.3f} to {high:.3f}: check "
            "the data, the number of epochs and the learning rate"
        )
