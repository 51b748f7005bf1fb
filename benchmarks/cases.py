"""The set-ups of chapter 09: healthy ones, and each with one thing wrong.

Two worlds, so that no check fits only the one that it was made on: the
book's garments and `alexnet_small`, and flowers with a plain network.
Numbers are of PyTorch's default dtype; the book's small runs set float64.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from alexnet_lib import data
from alexnet_lib.batches import (
    Batches,
    DeviceLoader,
    preprocess,
    random_crop_flip,
)
from alexnet_lib.data import ImageData, ImageSet
from alexnet_lib.init import init_kaiming
from alexnet_lib.model import alexnet_small

criterion = nn.CrossEntropyLoss()


def learn(model: nn.Module, batches: Iterable, optimizer: Optimizer) -> None:
    """The loop of chapter 04: once over all batches."""
    model.train()
    for images, labels in batches:
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def accuracy(model: nn.Module, batches: Iterable) -> float:
    """The share of right answers."""
    model.eval()
    right = count = 0
    for images, labels in batches:
        right += (model(images).argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return right / count


@dataclass
class Setup:
    """All that a training consists of, and a test set to judge it by."""

    model: nn.Module
    train: Iterable
    val: Iterable
    test: Iterable
    optimizer: Optimizer
    learn: Callable = learn
    measure: Callable = accuracy
    weights: dict | None = None  # what the model was to start from

    def epoch(
        self, model: nn.Module, batches: Iterable, optimizer: Optimizer
    ) -> float:
        """The reader's own: learn from all batches, then look at `val`."""
        self.learn(model, batches, optimizer)
        return self.measure(model, self.val)


def plain_network(channels: int = 3, num_classes: int = 5) -> nn.Sequential:
    """Seven narrow convolutions and a dense layer, for 64 pixels.

    Nothing of AlexNet: no pool before the last, `nn.LeakyReLU`.
    """
    layers = []
    for width, stride in (
        (16, 2),
        (24, 2),
        (32, 1),
        (32, 2),
        (48, 1),
        (48, 2),
        (64, 1),
    ):
        layers.append(nn.Conv2d(channels, width, 3, stride, padding=1))
        layers.append(nn.LeakyReLU(0.1))
        channels = width
    pool = nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3)
    return nn.Sequential(*layers, *pool, nn.Linear(64 * 4, num_classes))


def kaiming_network() -> nn.Module:
    """`plain_network`, started as networks with ReLU should be."""
    model = plain_network()
    init_kaiming(model)
    return model


@dataclass
class World:
    """What all set-ups of one kind share."""

    seed: int
    images: ImageData
    network: Callable[[], nn.Module]
    optimizer: Callable[[nn.Module], Optimizer]
    batch: int
    mean: list[float]
    std: list[float]
    side: int
    augment: Callable[[Tensor], Tensor] | None = None
    shuffle: bool = True

    def prepare(self, learning: bool = False) -> Callable[[Tensor], Tensor]:
        """From bytes to what the network sees."""
        size = self.images.train.images.shape[-1]
        augment = self.augment if learning else None
        resize = size if self.augment else self.side
        return preprocess(resize, self.side, self.mean, self.std, augment)

    def loader(self, images: ImageSet, learning: bool = False) -> DeviceLoader:
        """Prepared batches; those to learn from shuffled and augmented."""
        batches = Batches(images, self.batch, learning and self.shuffle)
        return DeviceLoader(batches, self.prepare(learning))

    def setup(self) -> Setup:
        """Nothing is wrong with this one."""
        train = self.loader(self.images.train, learning=True)
        val, test = map(self.loader, (self.images.val, self.images.test))
        torch.manual_seed(self.seed)
        model = self.network()
        return Setup(model, train, val, test, self.optimizer(model))


def first(images: ImageData, train: int, val: int, test: int) -> ImageData:
    """The first of each split."""
    return replace(
        images,
        train=images.train.first(train),
        val=images.val.first(val),
        test=images.test.first(test),
    )


@cache
def drawn_garments() -> ImageData:
    return first(data.drawn_fashion(), 600, 300, 300)


@cache
def drawn_flowers() -> ImageData:
    return first(data.drawn_flowers(side=72), 500, 140, 140)


def garments(seed: int = 0) -> World:
    """The lab run of chapter 09."""
    return World(
        seed=seed,
        images=drawn_garments(),
        network=alexnet_small,
        optimizer=lambda model: Adam(model.parameters(), lr=5e-4),
        batch=25,
        mean=[0.286],
        std=[0.353],
        side=96,
    )


def flowers(seed: int = 11) -> World:
    """Another network, optimizer, size, number of channels and classes."""
    return World(
        seed=seed,
        images=drawn_flowers(),
        network=kaiming_network,
        optimizer=lambda model: AdamW(model.parameters(), lr=1e-3),
        batch=20,
        mean=[0.5, 0.5, 0.5],
        std=[0.5, 0.5, 0.5],
        side=64,
        augment=random_crop_flip(64),
    )


def run(setup: Setup, epochs: int = 4, seed: int = 0) -> float:
    """Train by the set-up's own loop, seeded as `engine.fit` seeds."""
    for epoch in range(1, epochs + 1):
        torch.manual_seed(seed + 1000 * epoch)
        setup.epoch(setup.model, setup.train, setup.optimizer)
    return accuracy(setup.model, setup.test)


# The loop


def evaluate_inside(world: World) -> Setup:
    setup = world.setup()

    def learn(
        model: nn.Module, batches: Iterable, optimizer: Optimizer
    ) -> None:
        for images, labels in batches:
            model.train()
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            accuracy(model, setup.val)

    return replace(setup, learn=learn)


def eval_leaks(world: World) -> Setup:
    setup = world.setup()

    def learn(
        model: nn.Module, batches: Iterable, optimizer: Optimizer
    ) -> None:
        model.train()
        for step, (images, labels) in enumerate(batches):
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 10 == 0:
                accuracy(model, setup.val)

    return replace(setup, learn=learn)


def wrong_rate(world: World) -> Setup:
    def learn(
        model: nn.Module,
        batches: Iterable,
        optimizer: Optimizer,
        epochs: int = 4,
    ) -> float:
        model.train()
        pictures = 0
        for images, labels in batches:
            start = time.perf_counter()
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            pictures += len(images)
            seconds = time.perf_counter() - start
        return pictures * epochs / seconds

    return replace(world.setup(), learn=learn)


def ignored_argument(world: World) -> Setup:
    setup = world.setup()
    train_batches = setup.train

    def learn(
        model: nn.Module, trian_batches: Iterable, optimizer: Optimizer
    ) -> None:
        model.train()
        for images, labels in train_batches:
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return replace(setup, learn=learn)


def no_zero_grad(world: World) -> Setup:
    def learn(
        model: nn.Module, batches: Iterable, optimizer: Optimizer
    ) -> None:
        model.train()
        for images, labels in batches:
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()

    return replace(world.setup(), learn=learn)


def dropout_left_on(world: World) -> Setup:
    @torch.no_grad()
    def measure(model: nn.Module, batches: Iterable) -> float:
        right = count = 0
        for images, labels in batches:
            right += (model(images).argmax(dim=1) == labels).sum().item()
            count += len(labels)
        return right / count

    return replace(world.setup(), measure=measure)


# The network and its optimizer


def init_never_called(world: World) -> Setup:
    """What PyTorch's layers start from by themselves."""

    def network() -> nn.Module:
        model = world.network()
        torch.manual_seed(world.seed)
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.reset_parameters()
        return model

    return replace(world, network=network).setup()


def init_too_small(world: World) -> Setup:
    def network() -> nn.Module:
        model = world.network()
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
        return model

    return replace(world, network=network).setup()


def softmax_twice(world: World) -> Setup:
    def network() -> nn.Module:
        return nn.Sequential(world.network(), nn.Softmax(dim=1))

    return replace(world, network=network).setup()


def lrn_alpha(world: World) -> Setup:
    """The paper's alpha as it stands; PyTorch divides it by 5."""

    def network() -> nn.Module:
        model = world.network()
        features = model.features if hasattr(model, "features") else model
        norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)
        features.insert(2, norm)  # behind the first ReLU
        return model

    return replace(world, network=network).setup()


def frozen_layers(world: World) -> Setup:
    """The last layer is replaced when the optimizer is there."""
    setup = world.setup()
    model = setup.model
    classifier = model.classifier if hasattr(model, "classifier") else model
    last = classifier[-1]
    classifier[-1] = nn.Linear(last.in_features, last.out_features)
    return setup


def strict_false(world: World) -> Setup:
    """Weights saved under other names, loaded without a word."""
    setup, trained = world.setup(), world.network()
    weights = {
        f"module.{name}": tensor
        for name, tensor in trained.state_dict().items()
    }
    setup.model.load_state_dict(weights, strict=False)
    return replace(setup, weights=weights)


def rate(world: World, factor: float) -> Setup:
    setup = world.setup()
    for group in setup.optimizer.param_groups:
        group["lr"] *= factor
    return setup


def rate_too_high(world: World) -> Setup:
    return rate(world, 100)


def rate_too_low(world: World) -> Setup:
    return rate(world, 1e-3)


# The data


def large_batch(world: World) -> Setup:
    return replace(world, batch=8 * world.batch).setup()


def wrong_normalization(world: World) -> Setup:
    """Only the training pictures are normalised."""
    channels = len(world.mean)
    plain = replace(world, mean=[0.0] * channels, std=[1.0] * channels)
    images = world.images
    return replace(
        world.setup(),
        val=plain.loader(images.val),
        test=plain.loader(images.test),
    )


def not_scaled(world: World) -> Setup:
    """The bytes as they are, made decimals."""
    channels = len(world.mean)
    scale = [1 / 255] * channels
    return replace(world, mean=[0.0] * channels, std=scale).setup()


def missing_class(world: World) -> Setup:
    """Class 1 has no folder in val, and the labels close up."""
    images, labels = world.images.val
    kept = labels != 1
    labels = labels[kept] - (labels[kept] > 1).long()
    val = world.loader(ImageSet(images[kept], labels))
    return replace(world.setup(), val=val)


def val_is_train(world: World) -> Setup:
    return replace(world.setup(), val=world.loader(world.images.train))


def labels_shuffled(world: World) -> Setup:
    """Pictures and labels were sorted, each in their own way."""
    images, labels = world.images.train
    order = torch.Generator().manual_seed(world.seed)
    other = labels[torch.randperm(len(labels), generator=order)]
    train = world.loader(ImageSet(images, other), learning=True)
    return replace(world.setup(), train=train)


def not_shuffled(world: World) -> Setup:
    """Files come folder by folder, and shuffle=True was forgotten."""
    images, labels = world.images.train
    order = labels.argsort(stable=True)
    in_order = replace(world, shuffle=False)
    train = in_order.loader(ImageSet(images[order], labels[order]), True)
    return replace(world.setup(), train=train)


def best_reported(world: World) -> Setup:
    """Nothing is wrong here; it is in what is said about it."""
    return world.setup()


WORLDS = {"garments": garments, "flowers": flowers}
CASES = {
    case.__name__: case
    for case in (
        evaluate_inside,
        eval_leaks,
        wrong_rate,
        ignored_argument,
        large_batch,
        init_never_called,
        init_too_small,
        softmax_twice,
        wrong_normalization,
        not_scaled,
        missing_class,
        val_is_train,
        strict_false,
        no_zero_grad,
        rate_too_high,
        rate_too_low,
        labels_shuffled,
        dropout_left_on,
        not_shuffled,
        frozen_layers,
        lrn_alpha,
        best_reported,
    )
}
