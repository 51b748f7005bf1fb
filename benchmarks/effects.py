"""What each mistake of chapter 09 costs: the lab run with one thing changed.

The set-ups are those of `cases`, trained by their own loops. The cases
about plain SGD have a base of their own, which takes more epochs.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.optim import SGD, Optimizer

from alexnet_lib import data, engine
from alexnet_lib.data import ImageSet
from alexnet_lib.init import init_xavier
from alexnet_lib.model import alexnet_small

from . import cases
from .ablations import with_norms
from .cases import CASES, Setup, World, accuracy, criterion, garments
from .checks import count_of
from .garments import operations

EPOCHS = 4
LONG = 6  # epochs of plain SGD and of `best_reported`
SGD_RATE, SGD_BATCH = 0.02, 10
FEW = 100  # pictures of `ignored_argument`, new ones of `strict_false`
Rows = dict[str, dict]


def train(setup: Setup, seed: int, epochs: int = EPOCHS) -> list[dict]:
    """Train by the set-up's own loop; a row per epoch, as `engine.fit` has.

    The loss of the reader's loop is read off its criterion; a loss that
    is not finite ends the training.
    """
    history = []
    for epoch in range(1, epochs + 1):
        torch.manual_seed(seed + 1000 * epoch)
        tally = engine.Tally("cpu")
        hook = criterion.register_forward_hook(
            lambda module, inputs, loss, tally=tally: tally.add(loss, *inputs)
        )
        setup.learn(setup.model, setup.train, setup.optimizer)
        hook.remove()
        val = evaluate(setup.model, setup.val)
        row = {"epoch": epoch}
        row |= {f"train_{name}": v for name, v in tally.means().items()}
        history.append(row | {f"val_{name}": v for name, v in val.items()})
    return history


def evaluate(model: nn.Module, batches: Iterable) -> dict[str, float]:
    """Mean loss and accuracy, in eval mode."""
    return engine.evaluate(model, batches, nn.CrossEntropyLoss())


def trained(setup: Setup, seed: int, epochs: int = EPOCHS) -> dict:
    """Train; what came out at the end, and the history.

    `train_loss` is the mean on the way through the last epoch,
    `fitted_loss` that of the same pictures afterwards, without dropout.
    """
    history = train(setup, seed, epochs)
    fitted = evaluate(setup.model, setup.train)
    tested = evaluate(setup.model, setup.test)
    last = history[-1]
    return {
        **{name: last[name] for name in ("train_loss", "train_accuracy")},
        "fitted_loss": fitted["loss"],
        "fitted_accuracy": fitted["accuracy"],
        **{name: last[name] for name in ("val_loss", "val_accuracy")},
        "test_loss": tested["loss"],
        "test_accuracy": tested["accuracy"],
        "history": history,
    }


def healthy(seed: int) -> Rows:
    """The lab run, and what can be done wrong with its network."""
    world = garments(seed)
    setup = world.setup()
    rows = {"healthy": trained(setup, seed)}
    for name in ("wrong_normalization", "missing_class", "val_is_train"):
        rows[name] = looked_at(setup.model, CASES[name](world))
    as_bytes = replace(world, mean=[0.0], std=[1 / 255]).setup()
    rows["not_scaled_later"] = looked_at(setup.model, as_bytes)
    rows["dropout_left_on"] = with_dropout(setup, seed)
    weights = setup.model.state_dict()
    renamed = {f"module.{name}": tensor for name, tensor in weights.items()}
    rows["strict_true"] = gone_on_with(seed, weights, strict=True)
    rows["strict_false"] = gone_on_with(seed, renamed, strict=False)
    return rows


def looked_at(model: nn.Module, setup: Setup) -> dict:
    """A trained network, measured on the val and test of a set-up."""
    val, test = evaluate(model, setup.val), evaluate(model, setup.test)
    return {
        "val_loss": val["loss"],
        "val_accuracy": val["accuracy"],
        "val_count": len(setup.val.batches.labels),
        "test_loss": test["loss"],
        "test_accuracy": test["accuracy"],
    }


def with_dropout(setup: Setup, seed: int) -> dict:
    """A trained network, measured without `eval()`."""
    torch.manual_seed(seed)
    measure = CASES["dropout_left_on"](garments(seed)).measure
    setup.model.train()
    return {
        "val_accuracy": measure(setup.model, setup.val),
        "test_accuracy": measure(setup.model, setup.test),
    }


def gone_on_with(seed: int, weights: dict, strict: bool) -> dict:
    """A network that got weights, or none, learns from few new pictures."""
    world = garments(seed)
    new = ImageSet(*(part[-FEW:] for part in data.drawn_fashion().train))
    setup = replace(world, images=replace(world.images, train=new)).setup()
    setup.model.load_state_dict(weights, strict=strict)
    return trained(setup, seed)


def best_reported(seed: int) -> Rows:
    """The best epoch by val with its test accuracy, and the last epoch."""
    setup = garments(seed).setup()
    tested = []

    def learn(*arguments: object) -> None:
        cases.learn(*arguments)
        tested.append(accuracy(setup.model, setup.test))

    row = trained(replace(setup, learn=learn), seed, LONG)
    best = engine.best_epoch(row["history"])
    last = {name: row[name] for name in ("val_accuracy", "test_accuracy")}
    return {
        "best_reported": {
            "epoch": best["epoch"],
            "val_accuracy": best["val_accuracy"],
            "test_accuracy": tested[best["epoch"] - 1],
            "test_accuracies": tested,
            "history": row["history"],
        },
        "last_reported": {"epoch": LONG, **last},
    }


def evaluate_inside(seed: int) -> Rows:
    """One epoch with the evaluation inside the loop, and once after it.

    Counted in passes, in multiply-adds and in seconds of the processor.
    """
    rows = {}
    world = garments(seed)
    for name, case in (
        ("evaluate_inside", CASES["evaluate_inside"]),
        ("evaluate_once", World.setup),
    ):
        setup = case(world)
        forward, learning = operations(setup.model, (1, 96, 96))
        start = time.process_time()
        counted = count_of(
            setup.model,
            lambda setup=setup: setup.epoch(
                setup.model, setup.train, setup.optimizer
            ),
        )
        seconds = time.process_time() - start
        seen = counted["images_trained"], counted["images_evaluated"]
        rows[name] = {
            "steps": counted["steps"],
            "images_trained": seen[0],
            "images_evaluated": seen[1],
            "multiply_adds": (seen[0] * learning + seen[1] * forward) // 2,
            "cpu_seconds": seconds,
        }
    return rows


def first_few(world: World) -> Setup:
    """What the reader's loop took from elsewhere: only a few pictures."""
    few = world.images.train.first(FEW)
    return replace(world, images=replace(world.images, train=few)).setup()


def norms(world: World, alpha: float) -> Setup:
    """Two norms, behind the first two ReLUs as in `alexnet_paper`."""
    return replace(
        world, network=lambda: with_norms(alexnet_small(), alpha)
    ).setup()


def by_sgd(world: World, batch: int = SGD_BATCH, times: int = 1) -> World:
    """The lab run with plain SGD; `times` is for its learning rate."""

    def sgd(model: nn.Module) -> Optimizer:
        return SGD(model.parameters(), lr=times * SGD_RATE)

    return replace(world, optimizer=sgd, batch=batch)


def from_xavier(world: World) -> Setup:
    """As the first post starts."""

    def network() -> nn.Module:
        model = world.network()
        init_xavier(model)
        return model

    return replace(world, network=network).setup()


# Trained as they stand, by the name of the case; the others are its pairs
VARIANTS: dict[str, Callable[[World], Setup]] = {
    **{
        name: CASES[name]
        for name in (
            "eval_leaks",
            "no_zero_grad",
            "frozen_layers",
            "not_shuffled",
            "softmax_twice",
            "not_scaled",
            "labels_shuffled",
            "rate_too_high",
            "rate_too_low",
        )
    },
    "ignored_argument": first_few,
    "lrn_paper": partial(norms, alpha=5e-4),
    "lrn_alpha": partial(norms, alpha=1e-4),
}
BY_SGD: dict[str, Callable[[World], Setup]] = {
    "sgd_kaiming": lambda world: by_sgd(world).setup(),
    "sgd_xavier": lambda world: from_xavier(by_sgd(world)),
    "init_never_called": lambda world: CASES["init_never_called"](
        by_sgd(world)
    ),
    "init_too_small": lambda world: CASES["init_too_small"](by_sgd(world)),
    "large_batch": lambda world: from_xavier(by_sgd(world, 8 * SGD_BATCH)),
    "large_batch_scaled": lambda world: from_xavier(
        by_sgd(world, 8 * SGD_BATCH, times=8)
    ),
}


def experiment(
    name: str, make: Callable[[World], Setup], epochs: int
) -> Callable[[int], Rows]:
    """A set-up, trained from a seed."""
    return lambda seed: {name: trained(make(garments(seed)), seed, epochs)}


EXPERIMENTS: dict[str, Callable[[int], Rows]] = {
    "healthy": healthy,
    "best_reported": best_reported,
    "evaluate_inside": evaluate_inside,
    **{name: experiment(name, VARIANTS[name], EPOCHS) for name in VARIANTS},
    **{name: experiment(name, BY_SGD[name], LONG) for name in BY_SGD},
}


def about() -> dict:
    """The data and the settings, as a record keeps them."""
    world = garments(0)
    images = world.images
    counts = {
        name: len(getattr(images, name).labels)
        for name in ("train", "val", "test")
    }
    rate = world.setup().optimizer.param_groups[0]["lr"]
    return {
        "data": {"name": images.name, **counts, "checksum": images.checksum},
        "settings": {
            "network": "alexnet_small",
            "side": world.side,
            "dtype": "float64",
            "epochs": EPOCHS,
            "optimizer": f"Adam, rate {rate:g}, batch {world.batch}",
            "epochs_of_sgd_and_of_best_reported": LONG,
            "sgd": f"rate {SGD_RATE:g}, batch {SGD_BATCH}, no momentum",
            "few_pictures": FEW,
        },
    }
