"""What a longer epoch, larger images, batches or networks cost.

Each point is measured in a process of its own, since the peak memory of a
process never falls:

    python -m benchmarks.growth '{"side": 112}' prints one point as JSON.
"""

import json
import subprocess
import sys
import time
from statistics import median

import torch
from torch import nn

from alexnet_lib import engine, evidence
from alexnet_lib.batches import Batches, DeviceLoader, preprocess
from alexnet_lib.model import alexnet_fashion
from scripts.train import keep_memory

from .clock import quiet
from .garments import NORMAL, operations
from .machine import synchronize

USUAL = {"images": 0, "side": 224, "batch": 32, "width": 1.0}
# What grows, while everything else is as in USUAL. The number of images is
# that of a whole epoch, with a narrow network and small images, so that it
# ends soon; the other points are single steps.
POINTS = {
    "images": [
        {"images": count, "side": 96, "width": 0.25}
        for count in (2_000, 4_000, 8_000, 16_000)
    ],
    "side": [{"side": side} for side in (96, 112, 160, 224)],
    "batch": [{"batch": batch} for batch in (16, 32, 64, 128)],
    "width": [{"width": width} for width in (0.25, 0.5, 0.75, 1.0)],
}


def network(side: int, width: float) -> nn.Module:
    """`alexnet_fashion` for images of `side` pixels, `width` times as wide.

    All channels and hidden units are multiplied by `width`; the first dense
    layer takes what the last pool gives.
    """
    with torch.device("meta"):  # only its shape is wanted, not its memory
        model = alexnet_fashion()
    before = 1
    for part in (model.features, model.classifier):
        for number, layer in enumerate(part):
            if isinstance(layer, nn.Conv2d):
                after = round(width * layer.out_channels)
                part[number] = nn.Conv2d(
                    before,
                    after,
                    layer.kernel_size,
                    layer.stride,
                    layer.padding,
                )
            elif isinstance(layer, nn.Linear):
                last = layer is model.classifier[-1]
                after = 10 if last else round(width * layer.out_features)
                part[number] = nn.Linear(before, after)
            else:
                continue
            before = after
        if part is model.features:
            with torch.inference_mode():
                before = part(torch.zeros(1, 1, side, side)).numel()
    return model


def point(images: int, side: int, batch: int, width: float) -> dict:
    """Seconds and memory of one epoch, or of a step where `images` is 0.

    The memory is the peak of the process, less what it held before.
    """
    device = engine.pick_device()
    keep_memory()
    before = evidence.peak_memory(device)  # Python and PyTorch themselves
    torch.manual_seed(0)
    model = network(side, width)
    forward, learning = operations(model, (1, side, side))
    model = model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, fused=True)
    state = engine.TrainState(model, optimizer)
    count = images or batch
    data = (
        torch.randint(256, (count, 1, 28, 28), dtype=torch.uint8),
        torch.arange(count) % 10,
    )
    loader = DeviceLoader(
        Batches([part.to(device) for part in data], batch, shuffle=True),
        preprocess(side, side, **NORMAL),
        device,
    )
    criterion = nn.CrossEntropyLoss()
    seconds = []
    with quiet():
        for _ in range(2 if images else 4):
            start = time.perf_counter()
            engine.train_one_epoch(state, loader, criterion)
            synchronize(device)
            seconds.append(time.perf_counter() - start)
    return {
        "images": images,
        "side": side,
        "batch": batch,
        "width": width,
        "parameters": sum(p.numel() for p in model.parameters()),
        "flop": count * learning,
        "seconds": median(seconds[1:]),  # the first was to warm up
        "memory_bytes": evidence.peak_memory(device) - before,
    }


def measure(threads: int, points: dict = POINTS) -> dict[str, list[dict]]:
    """All points, one process after the other."""
    grown = {}
    for what, changes in points.items():
        grown[what] = []
        for change in changes:
            shown = ", ".join(f"{k} {v:g}" for k, v in change.items())
            print(f"growth     {shown}", file=sys.stderr)
            settings = json.dumps({**USUAL, **change})
            command = [sys.executable, "-m", "benchmarks.growth"]
            done = subprocess.run(
                [*command, settings, str(threads)],
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
            grown[what].append(json.loads(done.stdout))
    return grown


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]))
    print(json.dumps(point(**json.loads(sys.argv[1]))))
