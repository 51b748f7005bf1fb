"""What this machine can do at best: the limits that rows are held against."""

import os
import time
from collections.abc import Callable

import torch

from scripts.train import (
    M_MMAP_MAX,
    M_MMAP_THRESHOLD,
    M_TRIM_THRESHOLD,
    set_malloc,
)

DRIFT = 0.10  # a machine whose rates moved more than this is not steady


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that was asked of it."""
    getattr(torch, device.type).synchronize()


def best_time(work: Callable, device: torch.device, rounds: int = 12) -> float:
    """Seconds of the fastest of several rounds: a limit, not an average."""
    work()
    times = []
    for _ in range(rounds):
        synchronize(device)
        start = time.perf_counter()
        work()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times)


def product_rate(
    device: torch.device, dtype: torch.dtype, rounds: int = 12
) -> float:
    """Operations a second of a large square matrix product."""
    side = 8192 if device.type == "cuda" else 2048
    a, b = torch.rand(2, side, side, device=device).to(dtype)
    return 2 * side**3 / best_time(lambda: a @ b, device, rounds)


def copy_rate(device: torch.device) -> float:
    """Bytes a second, read and written, of copying 256 MB."""
    source = torch.ones(2**26, device=device)
    target = torch.empty_like(source)
    seconds = best_time(lambda: target.copy_(source), device)
    return 2 * source.nbytes / seconds


def rates(device: torch.device) -> dict[str, float]:
    """All the limits of this machine, measured now."""
    return {
        "fp32": product_rate(device, torch.float32),
        "bf16": product_rate(device, torch.bfloat16),
        "copy": copy_rate(device),
    }


def give_memory_back() -> None:
    """Undo `keep_memory`: the values at which glibc arrives by itself.

    Its threshold grows with the blocks that are freed, up to 32 MiB, and
    the heap may have twice that at its end.
    """
    set_malloc(
        {
            M_MMAP_MAX: 65536,
            M_MMAP_THRESHOLD: 32 * 2**20,
            M_TRIM_THRESHOLD: 64 * 2**20,
        }
    )


def drift(first: dict[str, float], last: dict[str, float]) -> float:
    """The largest relative change of a rate between two measurements."""
    return max(abs(last[name] / first[name] - 1) for name in first)


def seconds_used() -> tuple[float, float] | None:
    """CPU seconds of this process with its children, and of all others.

    What a hypervisor took away counts as used by others. None where the
    system does not tell, as only Linux does.
    """
    try:
        with open("/proc/stat") as file:
            ticks = [int(field) for field in file.readline().split()[1:9]]
        running = sum(_ticks_of(pid) for pid in _children(os.getpid()))
    except OSError:
        return None
    per_second = os.sysconf("SC_CLK_TCK")
    own = sum(os.times()[:4]) + running / per_second
    idle, waiting = ticks[3:5]
    return own, (sum(ticks) - idle - waiting) / per_second - own


def _children(parent: int) -> list[str]:
    """Processes that `parent` started, such as a DataLoader's workers."""
    found = []
    for thread in os.listdir(f"/proc/{parent}/task"):
        with open(f"/proc/{parent}/task/{thread}/children") as file:
            found += file.read().split()
    return found


def _ticks_of(pid: str) -> int:
    """Clock ticks that a running process has used; 0 if it just ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
