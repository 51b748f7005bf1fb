"""Instruments that look at a network from outside and change nothing."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


@contextmanager
def same_chance() -> Iterator[None]:
    """Leave PyTorch's random numbers as they were, on every device."""
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        yield


class Activation(NamedTuple):
    """What one layer puts out."""

    name: str
    kind: str
    mean: float
    std: float
    zeros: float  # the share that is exactly 0


def activation_report(model: nn.Module, images: Tensor) -> list[Activation]:
    """What each layer puts out for `images`, in the order of their work.

    A copy of the model does it, in the mode, train or eval, of the model.
    """
    rows = []

    def note(name: str) -> Callable:
        def hook(layer: nn.Module, inputs: tuple, output: Tensor) -> None:
            mean, std = output.mean().item(), output.std(correction=0).item()
            zeros = (output == 0).sum().item() / output.numel()
            kind = type(layer).__name__
            rows.append(Activation(name, kind, mean, std, zeros))

        return hook

    twin = copy.deepcopy(model)
    for name, layer in twin.named_modules():
        if not list(layer.children()):
            layer.register_forward_hook(note(name))
    with torch.no_grad(), same_chance():
        twin(images)
    return rows


class Gradient(NamedTuple):
    """The size of one layer's weight and of its gradient, root mean square."""

    name: str
    weight: float
    gradient: float


def rms(tensor: Tensor) -> float:
    """The root of the mean square: the usual size of a number in it."""
    return tensor.detach().square().mean().sqrt().item()


def gradient_report(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    criterion: nn.Module | None = None,
) -> list[Gradient]:
    """What one batch asks of each layer that has a weight, first to last.

    A copy of the model does it, in the mode of the model. A weight that is
    frozen or not used has the gradient 0.
    """
    criterion = criterion or nn.CrossEntropyLoss()
    twin = copy.deepcopy(model)
    with torch.enable_grad(), same_chance():
        criterion(twin(images), labels).backward()
    return [
        Gradient(name, rms(weight), 0.0 if grad is None else rms(grad))
        for name, layer in twin.named_modules()
        if isinstance(weight := getattr(layer, "weight", None), nn.Parameter)
        for grad in [weight.grad]
    ]


@dataclass
class Watched:
    """What an epoch did, as seen from outside.

    For each step: whether it was made in train mode; how many passes
    without gradient came since the step before; whether gradients of the
    step before were kept. For each pass without gradient: whether it was
    made in train mode. And how many batches were taken from the loader
    given, how many pictures were learned from, in how many seconds.
    """

    training: list[bool] = field(default_factory=list)
    passes: list[int] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)
    measuring: list[bool] = field(default_factory=list)
    batches: int = 0
    pictures: int = 0
    seconds: float = 0.0


class Enough(Exception):
    """The epoch has done as many steps as it should."""


class CountedLoader:
    """A loader that notes in `seen` how many batches are taken from it."""

    def __init__(self, loader: Iterable, seen: Watched):
        self.loader, self.seen = loader, seen

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self.loader:
            self.seen.batches += 1
            yield batch

    def __getattr__(self, name: str) -> object:
        return getattr(self.loader, name)  # what else it knows, its dataset


def watch(
    epoch: Callable,
    model: nn.Module,
    batches: Iterable,
    optimizer: Optimizer,
    most: int | None = None,
) -> Watched:
    """Run `epoch(model, batches, optimizer)` and tell what it did.

    The epoch is ended when it is about to take more than `most` steps.
    """
    seen, idle, old = Watched(), 0, None
    groups = optimizer.param_groups
    weights = [p for group in groups for p in group["params"]]

    def on_pass(model: nn.Module, inputs: tuple) -> None:
        nonlocal idle
        if torch.is_grad_enabled():
            seen.pictures += len(inputs[0])
        else:
            seen.measuring.append(model.training)
            idle += 1

    def on_gradient(gradient: Tensor) -> None:
        nonlocal old  # looked at once a step, before the first gradient
        if old is None:
            grads = [w.grad for w in weights if w.grad is not None]
            old = any(grad.any().item() for grad in grads)

    def on_step(*of_optimizer: object) -> None:
        nonlocal idle, old
        if len(seen.training) == most:
            raise Enough
        seen.training.append(model.training)
        seen.passes.append(idle)
        seen.kept.append(bool(old))
        idle, old = 0, None

    hooks = [w.register_hook(on_gradient) for w in weights if w.requires_grad]
    hooks.append(model.register_forward_pre_hook(on_pass))
    hooks.append(optimizer.register_step_pre_hook(on_step))
    start = time.perf_counter()
    try:
        epoch(model, CountedLoader(batches, seen), optimizer)
    except Enough:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    seen.seconds = time.perf_counter() - start
    return seen
