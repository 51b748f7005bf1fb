"""Each mistake of chapter 09 is found, and nothing where nothing is wrong."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.utils.data import DataLoader, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from alexnet_lib.batches import Batches, random_crop_flip
from alexnet_lib.checks import (
    Finding,
    Sample,
    chance,
    check_classes,
    check_inputs,
    check_labels,
    check_order,
    check_preparation,
    check_splits,
    in_order,
    take,
)
from alexnet_lib.diagnose import (
    check_norms,
    check_update,
    check_weights,
    diagnose,
)
from alexnet_lib.init import init_xavier
from alexnet_lib.model import alexnet_2012, alexnet_paper, alexnet_small
from alexnet_lib.photos import Photos
from benchmarks import cases
from benchmarks.cases import CASES, WORLDS, Setup, World, first

# What is found where it has another name than the case, or not at all: the
# rate and the best epoch are words about a healthy training
FOUND = {name: {name} for name in CASES} | {
    "init_never_called": {"signal_fades"},
    "init_too_small": {"signal_fades"},
    "strict_false": {"not_loaded"},
    "wrong_rate": set(),
    "large_batch": set(),
    "best_reported": set(),
}
PICTURES = 200
CPU = torch.device("cpu")


# Numbers of the book's small runs, and of most readers' own
DTYPES = {"garments": torch.float64, "flowers": torch.float32}


@pytest.fixture(autouse=True)
def numbers(request: pytest.FixtureRequest) -> Iterator[None]:
    """The default dtype: of the world, where a test has one."""
    case = getattr(request.node, "callspec", None)
    world = case.params.get("world") if case else None
    torch.set_default_dtype(DTYPES.get(world, torch.float32))
    yield
    torch.set_default_dtype(torch.float32)


def small(world: World) -> World:
    """With fewer pictures: these tests are many."""
    return replace(world, images=first(world.images, PICTURES, 80, 20))


def findings(setup: Setup) -> list[Finding]:
    return diagnose(
        setup.model,
        setup.train,
        setup.val,
        setup.optimizer,
        setup.epoch,
        setup.weights,
        PICTURES,
    )


def names(found: list[Finding]) -> set[str]:
    return {finding.name for finding in found}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("world", WORLDS)
def test_what_is_found_of_a_case(world: str, case: str):
    found = findings(CASES[case](small(WORLDS[world]())))
    assert names(found) == FOUND[case]
    for finding in found:
        wrong, advice = finding.message.split(": ", 1)
        assert re.search(r"\d", wrong) and advice


def test_most_cases_are_found():
    assert len(CASES) == 22
    assert sum(map(bool, FOUND.values())) == 19


# Nothing is found where nothing is wrong


def chapter_06() -> World:
    """The training of chapter 06 in its small size, as it says."""
    return World(
        seed=0,
        images=cases.data.drawn_flowers(side=110),
        network=lambda: alexnet_small(channels=3, num_classes=5),
        optimizer=lambda model: Adam(model.parameters(), lr=1e-3),
        batch=20,
        mean=[0.5] * 3,
        std=[0.5] * 3,
        side=96,
        augment=random_crop_flip(96),
    )


def normed() -> World:
    """With batch norm, from PyTorch's own initial weights."""

    def network() -> nn.Module:
        layers, channels = [], 3
        for width in (16, 32, 64):
            layers.append(nn.Conv2d(channels, width, 3, 2, padding=1))
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        pool = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        return nn.Sequential(*layers, *pool, nn.Linear(64, 5))

    return replace(cases.flowers(seed=5), network=network)


def by_sgd() -> World:
    """The second start of chapter 04: Xavier's, and plain SGD."""

    def network() -> nn.Module:
        model = alexnet_small()
        init_xavier(model)
        return model

    def sgd(model: nn.Module) -> Optimizer:
        return SGD(model.parameters(), lr=0.01)

    return replace(cases.garments(seed=3), network=network, optimizer=sgd)


HEALTHY = {
    "chapter 04": cases.garments,
    "chapter 06": chapter_06,
    "flowers": cases.flowers,
    "normed": normed,
    "by SGD": by_sgd,
}


@pytest.mark.parametrize("world", HEALTHY)
def test_nothing_is_found_where_nothing_is_wrong(world: str):
    setup = small(HEALTHY[world]()).setup()
    assert findings(setup) == []
    torch.manual_seed(1)
    setup.learn(setup.model, islice(setup.train, 4), setup.optimizer)
    assert findings(setup) == []


def test_a_network_that_has_learned_all_needs_no_faster_rate():
    setup = small(cases.flowers()).setup()
    few = Batches(next(iter(setup.train)), 20)
    setup = replace(setup, train=few)
    for _ in range(60):
        setup.learn(setup.model, few, setup.optimizer)
    for group in setup.optimizer.param_groups:
        group["lr"] = 1e-8
    found = diagnose(setup.model, few, None, setup.optimizer, setup.epoch)
    assert found == []


# Nothing is changed


def state(setup: Setup) -> list:
    """All that a training goes on from, and what its hooks are."""
    model, optimizer = setup.model, setup.optimizer
    tensors = [*model.state_dict().values(), torch.get_rng_state()]
    tensors += [p.grad for p in model.parameters()]
    for kept in optimizer.state.values():
        tensors += kept.values()
    modes = [layer.training for layer in model.modules()]
    hooks = [len(layer._forward_pre_hooks) for layer in model.modules()]
    hooks.append(len(optimizer._optimizer_step_pre_hooks))
    return [t.clone() for t in tensors] + modes + hooks


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_changed(training: bool):
    setup = small(normed()).setup()
    setup.learn(setup.model, islice(setup.train, 2), setup.optimizer)
    setup.model.train(training)
    setup.model[0].train(not training)
    before = state(setup)
    findings(setup)
    for a, b in zip(before, state(setup), strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def test_the_order_that_a_loader_will_take_is_not_changed():
    setup = small(cases.flowers()).setup()
    images, labels = map(torch.cat, zip(*setup.train, strict=True))
    generator = torch.Generator().manual_seed(5)
    loader = DataLoader(
        TensorDataset(images, labels), 20, shuffle=True, generator=generator
    )
    before = generator.get_state()
    assert diagnose(setup.model, loader) == []
    assert torch.equal(generator.get_state(), before)


def test_a_loop_may_ask_for_the_size_of_the_data_set():
    setup = small(cases.flowers()).setup()
    seen = []

    def learn(model: nn.Module, loader: DataLoader, *rest: object) -> None:
        cases.learn(model, loader, *rest)
        seen.append(len(loader.dataset) / len(loader))

    assert findings(replace(setup, learn=learn)) == []
    assert seen == [16.0, 16.0]


def test_it_says_the_same_each_time_and_prints_nothing(
    capsys: pytest.CaptureFixture[str],
):
    setup = small(cases.flowers()).setup()
    loud = replace(setup, measure=lambda *given: print("measured"))
    broken = cases.rate(small(cases.flowers()), 100)
    broken = replace(loud, optimizer=broken.optimizer, model=broken.model)
    torch.manual_seed(1)
    once = findings(broken)
    torch.manual_seed(2)
    assert once and findings(broken) == once
    assert capsys.readouterr().out == ""


def test_a_model_and_a_loader_are_enough():
    setup = cases.softmax_twice(small(cases.garments()))
    assert names(diagnose(setup.model, setup.train)) == {"softmax_twice"}


# The checks by themselves


def sample(labels: list[int], dataset: object = None) -> Sample:
    torch.manual_seed(0)
    count = len(labels)
    images = torch.randn(count, 1, 8, 8)
    return Sample(images, torch.tensor(labels), dataset)


def one(check: Callable, *given: object) -> str | None:
    found = list(check(*given))
    assert len(found) < 2
    return found[0].name if found else None


@pytest.mark.parametrize(
    ("factor", "found"), [(1, None), (0.01, "not_scaled"), (64, "not_scaled")]
)
def test_pictures_have_a_spread_of_one(factor: float, found: str | None):
    pictures = sample([0, 1] * 50)
    scaled = pictures._replace(images=pictures.images * factor)
    assert one(check_inputs, scaled) == found


def test_chance():
    assert chance(torch.tensor([0, 1, 2, 3])) == pytest.approx(0.25)
    assert chance(torch.tensor([0, 0, 0, 2])) == pytest.approx(10 / 16)


def test_classes_in_order_are_told_from_mixed_ones():
    torch.manual_seed(0)
    labels = torch.arange(5).repeat_interleave(40)
    assert in_order(labels) and in_order(labels[:40])
    assert one(check_order, sample([1] * 40)) == "not_shuffled"
    mixed = labels[torch.randperm(200)]
    assert not in_order(mixed) and not in_order(torch.arange(200) % 5)
    rare = torch.rand(400) < 0.05  # nearly all are of one class
    assert not in_order(rare.long())
    assert one(check_order, sample(labels.tolist())) == "not_shuffled"


def test_few_pictures_are_no_proof_that_labels_are_wrong():
    assert one(check_labels, sample([0, 1] * 50)) == "labels_shuffled"
    assert one(check_labels, sample([0, 1] * 49)) is None


def test_a_class_is_missing_only_if_chance_does_not_explain_it():
    train = sample([0, 1, 2, 3] * 25)
    assert one(check_classes, train, sample([0, 1, 3] * 10)) == "missing_class"
    assert one(check_classes, train, sample([0, 1, 3] * 4)) is None
    assert one(check_classes, train, sample([0] * 50 + [1] * 50)) is None


class Folder:
    def __init__(self, *classes: str):
        self.class_to_idx = {name: i for i, name in enumerate(classes)}


def test_folders_are_compared_by_their_names():
    train = sample([0, 1] * 20, Folder("daisy", "roses", "tulips"))
    other = sample([0, 1] * 20, Folder("daisy", "tulips"))
    assert one(check_classes, train, other) == "missing_class"
    assert one(check_classes, train, sample([0, 1] * 20)) is None
    assert one(check_classes, train, train) is None


def test_the_same_files_are_found_whatever_is_cut_out_of_them(tmp_path: Path):
    for name in ("daisy", "roses"):
        (tmp_path / name).mkdir()
        for i in range(20):
            image = Image.effect_noise((9, 9), 50)
            image.save(tmp_path / name / f"{i}.png")
    dtype = v2.ToDtype(torch.get_default_dtype(), scale=True)
    folder = ImageFolder(tmp_path, v2.Compose([v2.ToImage(), dtype]))
    train = take(DataLoader(folder, 4, shuffle=True), 40, CPU)
    val = train._replace(images=torch.randn(40, 3, 9, 9))
    assert one(check_splits, train, val) == "val_is_train"
    assert one(check_splits, train, val._replace(dataset=None)) is None
    photos = Photos([Path("a.jpg"), Path("b.jpg")], [0, 1], side=8)
    ours = train._replace(dataset=photos), val._replace(dataset=photos)
    assert one(check_splits, *ours) == "val_is_train"


def test_a_few_pictures_in_both_splits_are_found_and_one_is_not():
    train = val = sample([0, 1] * 50)
    others = torch.randn(100, 1, 8, 8)
    for count, found in ((1, None), (2, "val_is_train")):
        images = torch.cat([train.images[:count], others[count:]])
        mixed = val._replace(images=images)
        assert one(check_splits, train, mixed) == found


def test_near_copies_are_found_without_their_files():
    """As random crops make them; flips are not found."""
    train = sample([0, 1] * 50)
    copies = train.images + 0.2 * torch.randn(100, 1, 8, 8)
    others = torch.randn(100, 1, 8, 8)
    assert one(check_splits, train, train._replace(images=others)) is None
    both = torch.cat([copies[:50], others[:50]])
    found = one(check_splits, train, train._replace(images=both))
    assert found == "val_is_train"


@pytest.mark.filterwarnings("error")
def test_splits_are_compared_class_by_class():
    """Val may begin with a class that is darker than all others."""
    train = sample([0, 1, 2, 3] * 50)
    shade = train.labels.double()[:, None, None, None]
    train = train._replace(images=train.images + shade)
    dark = train.labels == 0
    val = Sample(train.images[dark], train.labels[dark], None)
    assert one(check_preparation, train, val) is None
    twice = val._replace(images=2 * val.images)
    assert one(check_preparation, train, twice) == "wrong_normalization"
    light = val._replace(images=val.images + 1)
    assert one(check_preparation, train, light) == "wrong_normalization"
    other = val._replace(labels=val.labels + 4)
    assert one(check_preparation, train, other) is None


def test_the_norms_of_the_paper_and_of_the_source_are_known():
    with torch.device("meta"):
        assert one(check_norms, alexnet_paper()) is None
        assert one(check_norms, alexnet_2012()) is None


def test_an_optimizer_that_never_steps_is_found():
    setup = small(cases.flowers()).setup()

    def learn(model: nn.Module, batches: object, *rest: object) -> None:
        model.train()
        for images, labels in batches:
            cases.criterion(model(images), labels).backward()

    assert names(findings(replace(setup, learn=learn))) == {"no_step"}


def test_weights_of_another_dtype_have_arrived():
    model = cases.kaiming_network()
    weights = {n: w.double() / 3 for n, w in model.state_dict().items()}
    model.load_state_dict(weights)
    assert one(check_weights, model, weights) is None
    weights["0.bias"] += 1
    assert one(check_weights, model, weights) == "not_loaded"


def test_the_rate_is_not_blamed_for_the_pictures():
    world = small(cases.flowers())

    def sgd(model: nn.Module) -> Optimizer:
        return SGD(model.parameters(), lr=0.1)

    setup = cases.not_scaled(replace(world, optimizer=sgd))
    assert names(findings(setup)) == {"not_scaled"}


def test_layers_that_are_frozen_on_purpose_are_no_finding():
    setup = small(cases.flowers()).setup()
    setup.model[0].requires_grad_(False)
    weights = [p for p in setup.model.parameters() if p.requires_grad]
    setup = replace(setup, optimizer=Adam(weights, lr=1e-3))
    assert findings(setup) == []


def test_the_rate_is_judged_by_the_layers_that_learn():
    setup = small(cases.flowers()).setup()
    setup.model[:-1].requires_grad_(False)
    assert findings(setup) == []


def test_a_layer_of_zeros_can_learn():
    """As the softmax regression of many courses starts."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    nn.init.zeros_(model[1].weight)
    pictures = sample([0, 1] * 50)
    pictures.images[::2, :, :4] += 1
    batches = Batches(pictures[:2], 20)
    optimizer = SGD(model.parameters(), lr=0.1)
    assert diagnose(model, batches, None, optimizer) == []
    assert one(check_update, model, optimizer, pictures) is None


def test_a_mode_that_the_last_epoch_left_is_found():
    """`model.train()` once, before the first epoch, is not enough."""
    setup = small(cases.flowers()).setup()

    def learn(model: nn.Module, batches: object, optimizer: Optimizer) -> None:
        for images, labels in batches:
            loss = cases.criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    setup.model.train()
    assert names(findings(replace(setup, learn=learn))) == {"eval_leaks"}
