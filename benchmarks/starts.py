"""The first steps of the paper's recipe on its own network, 224 pixels.

The same 32 drawn flowers in every step: what cannot learn these by heart
cannot learn more. In float32, as the network is large.
"""

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.optim import SGD

from alexnet_lib import data
from alexnet_lib.batches import preprocess
from alexnet_lib.init import init_2012, init_kaiming, init_paper
from alexnet_lib.instruments import activation_report, gradient_report
from alexnet_lib.layers import count_parameters
from alexnet_lib.model import alexnet_paper

PHOTOS, STEPS, SIDE = 32, 25, 224
LR, MOMENTUM, DECAY = 0.01, 0.9, 5e-4


@cache
def flowers() -> data.ImageData:
    """The drawn flowers in the network's size."""
    return data.drawn_flowers(SIDE)


def batch() -> tuple[Tensor, Tensor]:
    """The photos of every step, prepared, and their labels."""
    images, labels = flowers().train.first(PHOTOS)
    prepare = preprocess(SIDE, SIDE, [0.5] * 3, [0.5] * 3)
    return prepare(images).float(), labels


def first_steps(initialise: Callable[[nn.Module], None], seed: int) -> dict:
    """Sizes of signal and gradient at the start, and the loss of each step.

    The loss after the last step is measured without dropout.
    """
    images, labels = batch()
    torch.manual_seed(seed)
    model = alexnet_paper(num_classes=len(flowers().classes))
    initialise(model)
    model.float()
    criterion = nn.CrossEntropyLoss()
    optimizer = SGD(
        model.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=DECAY
    )
    signals = activation_report(model, images)
    gradients = gradient_report(model, images, labels)
    losses = []
    for _ in range(STEPS):
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        fitted = criterion(model.eval()(images), labels).item()
    return {
        "parameters": count_parameters(model),
        "train_loss": losses[-1],
        "fitted_loss": fitted,
        "losses": losses,
        "signals": {row.name: row.std for row in signals},
        "gradients": {row.name: row.gradient for row in gradients},
        "weights": {row.name: row.weight for row in gradients},
    }


def of_start(start: Callable[[nn.Module], None], seed: int) -> dict:
    """One experiment has one variant, named after the initialisation."""
    return {start.__name__: first_steps(start, seed)}


EXPERIMENTS = {
    start.__name__: partial(of_start, start)
    for start in (init_paper, init_2012, init_kaiming)
}


def about() -> dict:
    """The data and the settings, as a record keeps them."""
    return {
        "data": {
            "name": flowers().name,
            "train": PHOTOS,
            "val": 0,
            "test": 0,
            "checksum": flowers().checksum,
        },
        "settings": {
            "network": "alexnet_paper",
            "side": SIDE,
            "dtype": "float32",
            "steps": STEPS,
            "batch": PHOTOS,
            "optimizer": f"SGD, rate {LR:g}, momentum {MOMENTUM:g}, weight "
            f"decay {DECAY:g}",
        },
    }
