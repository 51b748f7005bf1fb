"""The paper's ablations in miniature: one part of a small net changed.

600 drawn flowers of five kinds, 96 pixels, random crops and flips, Adam as
in chapter 06. Then the paper's whole recipe on the same network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torchvision.transforms import v2

from alexnet_lib import data, engine
from alexnet_lib.batches import (
    Batches,
    DeviceLoader,
    preprocess,
    random_crop_flip,
)
from alexnet_lib.data import ImageData
from alexnet_lib.init import init_2012, init_kaiming, init_paper
from alexnet_lib.layers import count_parameters
from alexnet_lib.model import AlexNet, alexnet_small
from alexnet_lib.paper import color_components, color_noise

PHOTOS, EPOCHS, BATCH = 600, 8, 20
SIDE, CROP = 110, 96
REACHED = 1.0  # the training loss that is waited for


@cache
def flowers() -> ImageData:
    """The drawn flowers, all of val and test."""
    return data.drawn_flowers(SIDE)


def loader(
    split: str,
    augment: Callable[[Tensor], Tensor] | None = None,
    learning: bool = False,
) -> DeviceLoader:
    """Prepared batches, of 600 photos at most."""
    photos = getattr(flowers(), split).first(PHOTOS)
    prepare = preprocess(SIDE, CROP, [0.5] * 3, [0.5] * 3, augment)
    size = BATCH if learning else 64
    return DeviceLoader(Batches(photos, size, learning), prepare)


def adam(model: nn.Module) -> Optimizer:
    """The optimizer of chapter 06."""
    return Adam(model.parameters(), lr=1e-3)


def sgd(model: nn.Module) -> Optimizer:
    """The paper's, section 5."""
    return SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)


def small() -> AlexNet:
    """The network of chapter 06, in which one part is changed."""
    return alexnet_small(channels=3, num_classes=5)


def with_tanh() -> AlexNet:
    """tanh in the place of each ReLU."""
    model = small()
    for stack in (model.features, model.classifier):
        for place, layer in enumerate(stack):
            if isinstance(layer, nn.ReLU):
                stack[place] = nn.Tanh()
    return model


def with_plain_pooling() -> AlexNet:
    """Pools of 2 x 2 that do not overlap; the grids keep their sizes."""
    model = small()
    for place in (2, 5, 12):
        model.features[place] = nn.MaxPool2d(kernel_size=2, stride=2)
    return model


def norm(alpha: float = 5e-4) -> nn.LocalResponseNorm:
    """As in `alexnet_paper`; by default with the alpha of its formula."""
    return nn.LocalResponseNorm(5, alpha=alpha, beta=0.75, k=2)


def with_norms(model: AlexNet, alpha: float = 5e-4) -> AlexNet:
    """Norms after the first two ReLUs."""
    for place in (5, 2):  # from behind, so that the first stays in place
        model.features.insert(place, norm(alpha))
    return model


def without_dropout() -> AlexNet:
    """No number is left out."""
    model = small()
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    return model


def two_towers(model: AlexNet) -> AlexNet:
    """Two groups in conv 2, 4 and 5."""
    convolutions = [
        place
        for place, layer in enumerate(model.features)
        if isinstance(layer, nn.Conv2d)
    ]
    for place in (convolutions[n] for n in (1, 3, 4)):
        old = model.features[place]
        new = nn.Conv2d(
            old.in_channels,
            old.out_channels,
            old.kernel_size,
            padding=old.padding,
            groups=2,
        )
        init_kaiming(new)
        model.features[place] = new
    return model


def one_tower_of_two() -> AlexNet:
    """Half of the maps in one tower, all of them in conv 5 alone.

    The net that the paper compares two towers with, its section 3.2.
    """
    model = small()
    maps = [3, 12, 32, 48, 48, 64]
    places = (0, 3, 6, 8, 10)
    for place, before, after in zip(places, maps, maps[1:], strict=False):
        old = model.features[place]
        new = nn.Conv2d(
            before, after, old.kernel_size, old.stride, old.padding
        )
        init_kaiming(new)
        model.features[place] = new
    return model


def recipe(initialise: Callable[[nn.Module], None]) -> AlexNet:
    """A small `alexnet_paper`: two towers and norms, started anew."""
    model = with_norms(two_towers(small()))
    initialise(model)
    return model


def crop_flip_color() -> Callable[[Tensor], Tensor]:
    """Crops, flips, and the colour noise of the paper's formula."""
    photos = flowers().train.first(PHOTOS).images
    noise = color_noise(*color_components(photos))
    return v2.Compose([random_crop_flip(CROP), noise])


@dataclass
class Variant:
    """What one run is made of."""

    build: Callable[[], nn.Module] = small
    augment: Callable[[], Callable] | None = lambda: random_crop_flip(CROP)
    optimizer: Callable[[nn.Module], Optimizer] = adam

    def __call__(self, seed: int) -> dict:
        """Train with this seed; what came out, with a row per epoch."""
        torch.manual_seed(seed)
        model = self.build()
        state = engine.TrainState(model, self.optimizer(model))
        augment = self.augment and self.augment()
        val, test = loader("val"), loader("test")
        engine.fit(
            state, loader("train", augment, True), val, EPOCHS, seed=seed
        )
        criterion = nn.CrossEntropyLoss()
        fitted = engine.evaluate(model, loader("train"), criterion)
        tested = engine.evaluate(model, test, criterion)
        last = state.history[-1]
        waited = (
            row["epoch"]
            for row in state.history
            if row["train_loss"] <= REACHED
        )
        return {
            "parameters": count_parameters(model),
            "train_loss": last["train_loss"],
            "fitted_loss": fitted["loss"],
            "fitted_accuracy": fitted["accuracy"],
            "val_loss": last["val_loss"],
            "val_accuracy": last["val_accuracy"],
            "test_accuracy": tested["accuracy"],
            "epochs_to_loss": next(waited, None),
            "history": curves(state.history),
        }


def curves(history: list[dict]) -> list[dict]:
    """The history without what a clock or a schedule has put there."""
    names = ("epoch", "train_loss", "train_accuracy", "val_loss")
    return [
        {name: row[name] for name in (*names, "val_accuracy")}
        for row in history
    ]


VARIANTS = {
    "base": Variant(),  # the library's small network, as it is
    "tanh": Variant(with_tanh),
    "pooling_2x2": Variant(with_plain_pooling),
    "with_lrn": Variant(lambda: with_norms(small())),
    "no_dropout": Variant(without_dropout),
    "no_augmentation": Variant(augment=None),
    "color_noise": Variant(augment=crop_flip_color),
    "two_towers": Variant(lambda: two_towers(small())),
    "half_tower": Variant(one_tower_of_two),
    "recipe_paper": Variant(lambda: recipe(init_paper), optimizer=sgd),
    "recipe_2012": Variant(lambda: recipe(init_2012), optimizer=sgd),
    "recipe_kaiming": Variant(lambda: recipe(init_kaiming), optimizer=sgd),
}
EXPERIMENTS = {
    name: lambda seed, name=name, run=run: {name: run(seed)}
    for name, run in VARIANTS.items()
}


def about() -> dict:
    """The data and the settings, as a record keeps them."""
    images = flowers()
    splits = ("train", "val", "test")
    return {
        "data": {
            "name": images.name,
            **{
                name: len(getattr(images, name).first(PHOTOS).labels)
                for name in splits
            },
            "checksum": images.checksum,
        },
        "settings": {
            "network": "alexnet_small",
            "side": SIDE,
            "crop": CROP,
            "dtype": "float64",
            "epochs": EPOCHS,
            "batch": BATCH,
            "optimizer": "Adam",
            "lr": 1e-3,
            "recipe": "SGD, rate 0.01, momentum 0.9, weight decay 0.0005",
            "loss_waited_for": REACHED,
        },
    }
