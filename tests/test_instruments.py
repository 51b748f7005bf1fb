"""The instruments tell what direct computation tells, and change nothing."""

import copy
from collections.abc import Callable, Iterable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer

from alexnet_lib.instruments import (
    CountedLoader,
    Watched,
    activation_report,
    gradient_report,
    rms,
    watch,
)

Batch = tuple[Tensor, Tensor]


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def model() -> nn.Sequential:
    """Two layers with all that could be left changed."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(6, 5),
        nn.BatchNorm1d(5),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(5, 3),
    )


@pytest.fixture
def batches() -> list[Batch]:
    return [
        (torch.randn(4, 1, 2, 3), torch.tensor([0, 1, 2, 0])) for _ in range(3)
    ]


def everything(model: nn.Module) -> list:
    """What an instrument must leave as it was."""
    held = [torch.get_rng_state()]
    for layer in model.modules():
        held.append(layer.training)
        hooks = layer._forward_hooks, layer._forward_pre_hooks
        held += [len(some) for some in hooks]
    for weight in model.parameters():
        held += [len(weight._backward_hooks or ()), weight.grad is None]
        held += [] if weight.grad is None else [weight.grad.clone()]
    return held + [t.clone() for t in model.state_dict().values()]


def equal(before: list, after: list) -> bool:
    return all(
        torch.equal(a, b) if isinstance(a, Tensor) else a == b
        for a, b in zip(before, after, strict=True)
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "look", [lambda m, x, y: activation_report(m, x), gradient_report]
)
def test_a_report_leaves_all_as_it_was(
    look: Callable, training: bool, model: nn.Module, batches: list[Batch]
):
    images, labels = batches[0]
    cross_entropy(model(images), labels).backward()
    model.train(training)
    before = everything(model)
    look(model, images, labels)
    assert equal(before, everything(model))


def test_activations_are_those_of_each_layer(
    model: nn.Sequential, batches: list[Batch]
):
    model.eval()
    images = batches[0][0]
    rows = activation_report(model, images)
    x, expected = images, []
    with torch.no_grad():
        for layer in model:
            x = layer(x)
            expected.append(x)
    assert [row.name for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert [row.kind for row in rows] == [type(m).__name__ for m in model]
    for row, x in zip(rows, expected, strict=True):
        assert row.mean == pytest.approx(x.mean().item())
        assert row.std == pytest.approx(x.std(correction=0).item())
        assert row.zeros == (x == 0).sum().item() / x.numel()
    assert rows[3].zeros > 0


def test_activations_come_in_the_order_in_which_layers_work():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(3, 2), nn.Linear(4, 3)
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.last(self.relu(self.first(x))))

    rows = activation_report(Backwards(), torch.randn(2, 4))
    assert [row.name for row in rows] == ["first", "relu", "last", "relu"]


def test_dropout_shows_in_train_mode_alone(model: nn.Module):
    images = torch.randn(50, 1, 2, 3)
    zeros = {
        training: activation_report(model.train(training), images)[4].zeros
        for training in (True, False)
    }
    assert zeros[True] > zeros[False] + 0.15


def test_gradients_are_those_of_a_batch(
    model: nn.Sequential, batches: list[Batch]
):
    model.eval()
    images, labels = batches[0]
    rows = gradient_report(model, images, labels)
    again = copy.deepcopy(model)
    cross_entropy(again(images), labels).backward()
    assert [row.name for row in rows] == ["1", "2", "5"]
    for row in rows:
        weight = again[int(row.name)].weight
        assert row.weight == pytest.approx(weight.pow(2).mean().item() ** 0.5)
        assert row.gradient == pytest.approx(
            weight.grad.pow(2).mean().item() ** 0.5
        )


def test_a_frozen_weight_has_no_gradient(
    model: nn.Sequential, batches: list[Batch]
):
    model[1].weight.requires_grad_(False)
    rows = gradient_report(model, *batches[0])
    assert rows[0].gradient == 0 and rows[2].gradient > 0


def test_gradients_follow_the_criterion(
    model: nn.Module, batches: list[Batch]
):
    model.eval()
    images, labels = batches[0]

    def half(logits: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(logits, labels) / 2

    whole = gradient_report(model, images, labels)[-1].gradient
    halved = gradient_report(model, images, labels, half)[-1].gradient
    assert halved == pytest.approx(whole / 2)


def test_the_root_of_the_mean_square():
    assert rms(torch.tensor([3.0, -4.0])) == pytest.approx(12.5**0.5)


# What `watch` sees


def step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    optimizer: Optimizer,
    clear: bool = True,
) -> None:
    loss = cross_entropy(model(images), labels)
    if clear:
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def measure(model: nn.Module, batches: Iterable) -> None:
    model.eval()
    with torch.no_grad():
        for images, _ in batches:
            model(images)


def healthy(model: nn.Module, batches: Iterable, optimizer: Optimizer) -> None:
    model.train()
    for images, labels in batches:
        step(model, images, labels, optimizer)


@pytest.fixture
def seen(model: nn.Module, batches: list[Batch]) -> Callable[..., Watched]:
    """`watch` with the model and the batches of this file."""

    def look(epoch: Callable, most: int | None = None) -> Watched:
        optimizer = SGD(model.parameters(), lr=0.1)
        return watch(epoch, model, batches, optimizer, most)

    return look


def test_a_healthy_epoch(seen: Callable[..., Watched]):
    found = seen(healthy)
    assert found.training == [True] * 3
    assert found.passes == [0] * 3 and found.kept == [False] * 3
    assert found.measuring == []
    assert (found.batches, found.pictures) == (3, 12)
    assert found.seconds > 0


def test_the_epoch_learns_as_it_would_unwatched(
    model: nn.Module, batches: list[Batch]
):
    twin = copy.deepcopy(model)
    torch.manual_seed(1)
    healthy(twin, batches, SGD(twin.parameters(), lr=0.1))
    torch.manual_seed(1)
    watch(healthy, model, batches, SGD(model.parameters(), lr=0.1))
    assert equal([*model.parameters()], [*twin.parameters()])


def test_evaluation_between_steps_is_counted(
    seen: Callable[..., Watched], batches: list[Batch]
):
    def epoch(model: nn.Module, given: Iterable, optimizer: Optimizer) -> None:
        model.train()
        for images, labels in given:
            step(model, images, labels, optimizer)
            measure(model, batches[:2])

    found = seen(epoch)
    assert found.passes == [0, 2, 2]
    assert found.training == [True, False, False]
    assert found.measuring == [False] * 6
    assert found.pictures == 12


def test_measuring_in_train_mode_is_seen(
    seen: Callable[..., Watched], batches: list[Batch]
):
    @torch.inference_mode()
    def epoch(model: nn.Module, *rest: object) -> None:
        for images, _ in batches:
            model(images)

    found = seen(epoch)
    assert found.measuring == [True] * 3
    assert found.training == [] and found.batches == 0


@pytest.mark.parametrize("to_none", [True, False])
def test_gradients_cleared_in_any_way_are_not_kept(
    to_none: bool, seen: Callable[..., Watched]
):
    def epoch(
        model: nn.Module, batches: Iterable, optimizer: Optimizer
    ) -> None:
        for images, labels in batches:
            step(model, images, labels, optimizer, clear=False)
            optimizer.zero_grad(set_to_none=to_none)  # behind the step

    assert seen(epoch).kept == [False] * 3


def test_gradients_that_are_not_cleared_are_seen(
    seen: Callable[..., Watched],
):
    def epoch(
        model: nn.Module, batches: Iterable, optimizer: Optimizer
    ) -> None:
        for images, labels in batches:
            step(model, images, labels, optimizer, clear=False)

    assert seen(epoch).kept == [False, True, True]


def test_gradients_may_be_gathered_on_purpose(
    seen: Callable[..., Watched],
):
    def epoch(
        model: nn.Module, batches: Iterable, optimizer: Optimizer
    ) -> None:
        for images, labels in batches:
            for half in (slice(0, 2), slice(2, 4)):
                loss = cross_entropy(model(images[half]), labels[half])
                (loss / 2).backward()
            optimizer.step()
            optimizer.zero_grad()

    found = seen(epoch)
    assert found.kept == [False] * 3 and found.pictures == 12


def test_a_layer_that_is_frozen_can_be_watched(
    model: nn.Sequential, seen: Callable[..., Watched]
):
    model[1].requires_grad_(False)
    assert seen(healthy).kept == [False] * 3


def test_the_loader_given_is_not_the_one_used(
    seen: Callable[..., Watched], batches: list[Batch]
):
    def epoch(model: nn.Module, given: Iterable, optimizer: Optimizer) -> None:
        healthy(model, batches, optimizer)

    found = seen(epoch)
    assert found.batches == 0 and len(found.training) == 3


def test_an_epoch_is_ended_when_it_has_done_enough(
    seen: Callable[..., Watched],
):
    assert len(seen(healthy, most=2).training) == 2
    assert len(seen(healthy, most=3).training) == 3


def test_hooks_are_gone_even_after_an_error(
    model: nn.Module, batches: list[Batch]
):
    optimizer = SGD(model.parameters(), lr=0.1)

    def epoch(*given: object) -> None:
        healthy(*given)
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        watch(epoch, model, batches, optimizer)
    for layer in model.modules():
        assert not layer._forward_pre_hooks
    assert not any(p._backward_hooks for p in model.parameters())
    assert not optimizer._optimizer_step_pre_hooks


def test_a_counted_loader_is_like_the_one_it_counts(batches: list[Batch]):
    class Loader(list):
        dataset = "of the loader"

    loader = CountedLoader(Loader(batches), Watched())
    assert len(loader) == 3 and loader.dataset == "of the loader"
    assert not hasattr(loader, "unheard_of")
    assert next(iter(loader)) is batches[0]
    assert loader.seen.batches == 1
