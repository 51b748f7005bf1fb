"""What is wrong with a training, as far as it shows from outside.

Each check has one idea. Its limit lies between what healthy trainings and
broken ones were seen to do.
"""

import contextlib
import copy
import io
import math
import statistics
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.utils.data import DataLoader, TensorDataset

from . import checks
from .checks import Finding, Sample, take
from .instruments import Watched, gradient_report, rms, same_chance, watch

# Answers to two pictures: untrained, with Xavier's weights they differ by
# 0.007 and more, with those that PyTorch's layers start from by 0.0005. The
# first layer's gradient: 0.002 and more, and 0.00009
ANSWERS_APART = 1e-3
# A step changes a weight by about a thousandth
LARGE_STEP, SMALL_STEP = 0.1, 5e-5
FEW = 16  # pictures of a batch, for practice and short epochs
PRACTICE = 6  # steps on one batch: momentum needs some to gather
SHORT = 3  # batches of a short epoch


def diagnose(
    model: nn.Module,
    train: Iterable,
    val: Iterable | None = None,
    optimizer: Optimizer | None = None,
    epoch: Callable | None = None,
    weights: dict[str, Tensor] | None = None,
    pictures: int = 400,
) -> list[Finding]:
    """What is wrong with a training: mend the first, then ask again.

    `train` and `val` yield batches as `model` takes them; `pictures` of
    each are looked at. `epoch(model, batches, optimizer)` is the loop, run
    twice on a few batches; `weights` are those that were just loaded.
    Nothing that is given changes: copies learn, and the loop, too, must
    use what it is given.
    """

    device = next(model.parameters()).device
    findings = list(check_weights(model, weights or {}))
    with same_chance(), contextlib.redirect_stdout(io.StringIO()):
        torch.manual_seed(0)  # the same set-up, the same findings
        learned = take(train, pictures, device)
        findings += checks.check_inputs(learned)
        findings += checks.check_order(learned)
        findings += checks.check_labels(learned)
        if val is not None:
            measured = take(val, pictures, device)
            findings += checks.check_classes(learned, measured)
            unlike = list(checks.check_preparation(learned, measured))
            findings += unlike or checks.check_splits(learned, measured)
        findings += check_outputs(copy.deepcopy(model), learned)
        findings += check_norms(model)
        findings += check_signal(copy.deepcopy(model), learned)
        if optimizer is not None:
            findings += check_optimizer(model, optimizer)
            if epoch is not None:
                twins = copy.deepcopy((model, optimizer))
                seen = short_epochs(epoch, *twins, learned)
                findings += check_loop(seen)
            if not findings:  # what is at fault last, and blamed first
                twins = copy.deepcopy((model, optimizer))
                findings += check_update(*twins, learned)
    return findings


def check_weights(
    model: nn.Module, weights: dict[str, Tensor]
) -> Iterator[Finding]:
    """What was loaded is in the model."""
    ours = model.state_dict()
    lost = [
        name
        for name, weight in weights.items()
        if name not in ours
        or not torch.equal(ours[name], weight.to(ours[name]))
    ]
    if lost:
        yield Finding(
            "not_loaded",
            f"{len(lost)} of {len(weights)} loaded tensors are not in the "
            f"model, the first is {lost[0]}: name them as the model does, "
            f"{next(iter(ours))}, and load with strict=True",
        )


def check_outputs(model: nn.Module, train: Sample) -> Iterator[Finding]:
    """The network ends in scores, not in shares."""
    with torch.no_grad():
        outputs = model(train.images[:FEW])
    sums = outputs.sum(dim=1)
    if outputs.min() >= 0 and torch.allclose(sums, torch.ones_like(sums)):
        yield Finding(
            "softmax_twice",
            f"the outputs for a picture sum to {sums[0]:.3f}: leave out the "
            "softmax at the end, the loss has its own",
        )


def check_norms(model: nn.Module) -> Iterator[Finding]:
    """PyTorch divides alpha by the size of the norm, the paper does not."""
    layers = [m for m in model.modules() if not list(m.children())]
    for before, norm in pairwise(layers):
        if isinstance(norm, nn.LocalResponseNorm):
            # The source of 2012 divides, too: its first norm stands right
            # behind the convolution, the paper's behind the ReLU
            source = isinstance(before, nn.Conv2d)
            if not source and math.isclose(norm.alpha, 1e-4):
                yield Finding(
                    "lrn_alpha",
                    f"a LocalResponseNorm has alpha {norm.alpha:g}, which "
                    f"PyTorch divides by {norm.size}: the paper's formula "
                    f"has alpha={norm.size * norm.alpha:g} here",
                )
            return


def without_dropout(model: nn.Module) -> nn.Module:
    """The model in train mode, drawing no random numbers."""
    model.train()
    for layer in model.modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd):
            layer.eval()
    return model


def check_signal(model: nn.Module, train: Sample) -> Iterator[Finding]:
    """What a picture is reaches the end, and the error the first layer."""
    images, labels = train.images[:FEW], train.labels[:FEW]
    without_dropout(model)
    with torch.no_grad():
        spread = model(images).std(dim=0).mean().item()
    first = gradient_report(model, images, labels)[0]
    if max(spread, first.gradient) < ANSWERS_APART:
        yield Finding(
            "signal_fades",
            f"the answers to {len(images)} pictures differ by {spread:.1g}, "
            f"and the gradient of {first.name} is {first.gradient:.1g}: see "
            "that your initialisation is called, and made for your layers",
        )


def check_optimizer(
    model: nn.Module, optimizer: Optimizer
) -> Iterator[Finding]:
    """The optimizer holds every weight that may change."""
    held = {id(p) for g in optimizer.param_groups for p in g["params"]}
    left = [
        name
        for name, p in model.named_parameters()
        if p.requires_grad and id(p) not in held
    ]
    if left:
        yield Finding(
            "frozen_layers",
            f"the optimizer does not hold {', '.join(left)}: build it after "
            "the last change of the network",
        )


def practice(
    model: nn.Module, optimizer: Optimizer, train: Sample
) -> tuple[list[float], list[float]]:
    """Learn a few pictures: the loss at each step, and by how large a part
    of itself each step changed the median weight."""
    images, labels = train.images[:FEW], train.labels[:FEW]
    held = [p for group in optimizer.param_groups for p in group["params"]]
    weights = [p for p in held if p.requires_grad and p.dim() > 1 and p.any()]
    losses, steps = [], []
    without_dropout(model)
    for _ in range(PRACTICE):
        old = [weight.detach().clone() for weight in weights]
        loss = cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pairs = zip(weights, old, strict=True)
        parts = [rms(w - before) / rms(before) for w, before in pairs]
        losses.append(loss.item())
        steps.append(statistics.median(parts or [SMALL_STEP]))
    return losses, steps


def check_update(
    model: nn.Module, optimizer: Optimizer, train: Sample
) -> Iterator[Finding]:
    """A step changes the weights by a small part, and not by nothing."""
    losses, steps = practice(model, optimizer, train)
    rate = optimizer.param_groups[0]["lr"]
    guess = math.log(len(train.labels.unique()))
    end, largest = losses[-1], max(steps)
    seen = (
        f"{PRACTICE} steps on a few pictures took the loss from "
        f"{losses[0]:.3g} to {end:.3g}, each changed the weights by up to "
        f"{largest:.1g} of their size"
    )
    if not end <= max(losses[0], guess) or largest > LARGE_STEP:
        yield Finding(
            "rate_too_high", f"{seen}: try a learning rate below {rate:g}"
        )
    elif steps[-1] < SMALL_STEP and end > guess / 2:
        yield Finding(
            "rate_too_low", f"{seen}: try a learning rate above {rate:g}"
        )


def short_epochs(
    epoch: Callable, model: nn.Module, optimizer: Optimizer, train: Sample
) -> Watched:
    """What two epochs of few batches do: the second meets what the first
    leaves behind."""
    count = SHORT * FEW
    few = TensorDataset(train.images[:count], train.labels[:count])
    loader = DataLoader(few, batch_size=FEW)

    def twice(*given: object) -> None:
        epoch(*given)
        epoch(*given)

    return watch(twice, model, loader, optimizer, most=2 * SHORT)


def check_loop(seen: Watched) -> Iterator[Finding]:
    """The loop learns from what it is given, and measures behind it."""
    steps, measured = len(seen.training), len(seen.measuring)
    if not steps:
        yield Finding(
            "no_step",
            f"{seen.batches} batches were taken, and the optimizer given "
            "made no step: call its step() for each batch",
        )
    elif not seen.batches:
        yield Finding(
            "ignored_argument",
            f"{steps} steps were made, and no batch was taken from the "
            "loader given: the loop reads another one, compare the names",
        )
    if any(seen.kept):
        yield Finding(
            "no_zero_grad",
            f"at {sum(seen.kept)} of {steps} steps the gradient before was "
            "still there: call optimizer.zero_grad() before backward()",
        )
    if not all(seen.training):
        yield Finding(
            "eval_leaks",
            f"{seen.training.count(False)} of {steps} steps were made in "
            "eval mode: call model.train() before every part that learns",
        )
    if any(seen.measuring):
        yield Finding(
            "dropout_left_on",
            f"{sum(seen.measuring)} of {measured} batches were measured in "
            "train mode: call model.eval() before",
        )
    if steps > 1 and all(seen.passes[1:]):
        yield Finding(
            "evaluate_inside",
            f"{measured} batches were measured while {steps} were learned: "
            "evaluate behind the loop over batches, not in it",
        )
