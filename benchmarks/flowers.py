"""Photos of flowers at 224 pixels: post 2's loop and the library's."""

from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from alexnet_lib import data, drawings, engine
from alexnet_lib.batches import (
    Batches,
    DeviceLoader,
    preprocess,
    random_crop_flip,
)
from alexnet_lib.model import alexnet_flowers

from .clock import Row
from .garments import enough, operations
from .loops import post_2_train, post_2_validate

PIXELS = 224
NORMAL = {"mean": [0.5] * 3, "std": [0.5] * 3}


def post_2_loader(
    folder: Path, train: bool, count: int, batch: int
) -> DataLoader:
    """Files read, cut and converted one by one, in as many workers as post
    2 would start; they are kept, as a real epoch outlasts their start."""
    ending = [transforms.ToTensor(), transforms.Normalize(**NORMAL)]
    if train:
        cut = [
            transforms.RandomResizedCrop(PIXELS),
            transforms.RandomHorizontalFlip(),
        ]
    else:
        cut = [transforms.Resize((PIXELS, PIXELS))]
    files = ImageFolder(folder, transforms.Compose([*cut, *ending]))
    spread = [number * len(files) // count for number in range(count)]
    workers = min(torch.multiprocessing.cpu_count(), batch, 8)
    return DataLoader(
        Subset(files, spread),
        batch,
        shuffle=train,
        num_workers=workers,
        persistent_workers=True,
    )


def rows(size: dict, device: torch.device) -> tuple[list[Row], list[Row]]:
    """Training and validation, each in post 2's way and in the library's."""
    count = size["photos"]
    folder = drawings.flowers_folder()
    photos = enough(data.drawn_flowers(256).train, count)
    photos = [part.to(device) for part in photos]
    criterion = nn.CrossEntropyLoss()

    torch.manual_seed(0)
    usual = alexnet_flowers(num_classes=5).to(device)
    adam = torch.optim.Adam(usual.parameters(), lr=2e-4)
    last = alexnet_flowers(num_classes=5)
    last = last.to(device, memory_format=torch.channels_last)
    fused = torch.optim.Adam(last.parameters(), lr=2e-4, fused=True)
    state = engine.TrainState(last, fused)
    forward, learning = operations(usual, (3, PIXELS, PIXELS))

    post_train = post_2_loader(folder, True, count, 32)
    post_val = post_2_loader(folder, False, count, 4)
    augmented = preprocess(
        256, PIXELS, **NORMAL, augment=random_crop_flip(PIXELS)
    )
    train_loader = DeviceLoader(
        Batches(photos, 32, shuffle=True), augmented, device
    )
    val_loader = DeviceLoader(
        Batches(photos, 32), preprocess(256, PIXELS, **NORMAL), device
    )

    def pair(group, flop, post_2, library):
        work = {"post 2": post_2, "the library": library}
        return [
            Row(
                f"flowers, {group}",
                name,
                count,
                count * flop,
                run,
                keeps_memory=run is library,
            )
            for name, run in work.items()
        ]

    return pair(
        "training",
        learning,
        lambda: post_2_train(usual, post_train, adam, device),
        lambda: engine.train_one_epoch(state, train_loader, criterion),
    ), pair(
        "validation",
        forward,
        lambda: post_2_validate(usual, post_val, device),
        lambda: engine.evaluate(last, val_loader, criterion),
    )
