"""What pictures and labels tell before anything is learned from them."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

# Prepared pictures have a spread near 1: bytes have 50 and more, empty
# ones 0
SPREADS = 0.05, 10.0
# Two splits prepared alike differ by chance; ones prepared with other
# numbers by more
MEANS_APART, SPREADS_APART = 0.5, 1.3
# Chance alone is further off than this once in a thousand times
SIGMAS, RARE = 3.0, 1e-3
# Of the pictures of train 1 in 20 has a neighbour as near as this; of
# another split about as many, not 1 in 5
NEAR, CROWDED = 0.05, 0.2


class Finding(NamedTuple):
    """One thing that is wrong, with its value, and what to do."""

    name: str
    message: str


class Sample(NamedTuple):
    """The first pictures of a loader, and the data set behind it, if any."""

    images: Tensor
    labels: Tensor
    dataset: object


def take(loader: Iterable, pictures: int, device: torch.device) -> Sample:
    """The first `pictures` of a loader, or all where there are fewer."""
    source = getattr(loader, "batches", loader)  # behind a DeviceLoader
    generator = getattr(source, "generator", None)
    before = generator and generator.get_state()
    images, labels = [], []
    for some, their_labels in loader:
        images.append(some.to(device))
        labels.append(their_labels.to(device))
        if sum(map(len, labels)) >= pictures:
            break
    if generator:
        generator.set_state(before)
    dataset = getattr(source, "dataset", None)
    return Sample(torch.cat(images), torch.cat(labels), dataset)


def chance(labels: Tensor) -> float:
    """How often two labels agree that are picked at random."""
    return (labels.bincount() / len(labels)).square().sum().item()


def in_order(labels: Tensor) -> bool:
    """Whether the classes come one after another."""
    agree = (labels[1:] == labels[:-1]).float().mean().item()
    return agree >= (1 + chance(labels)) / 2  # nearer to always than chance


def nearest(images: Tensor, others: Tensor | None = None) -> tuple:
    """For each image the distance to its like among `others`, and which.

    Without `others`, among the rest of the images. All are shrunk to
    8 x 8 pixels.
    """
    small = adaptive_avg_pool2d(images, 8).flatten(1)
    exact = "donot_use_mm_for_euclid_dist"  # else equal ones are not at 0
    if others is None:
        apart = torch.cdist(small, small, compute_mode=exact)
        return apart.fill_diagonal_(math.inf).min(dim=1)
    others = adaptive_avg_pool2d(others, 8).flatten(1)
    return torch.cdist(small, others, compute_mode=exact).min(dim=1)


def files(sample: Sample) -> set:
    """What the data set behind a sample was read from, if it says so."""
    kept = getattr(sample.dataset, "samples", None)  # an ImageFolder
    return set(kept or getattr(sample.dataset, "paths", ()))


def check_inputs(train: Sample) -> Iterator[Finding]:
    """Pictures are decimals around 0 with a spread of about 1."""
    spread = train.images.std().item()
    low, high = SPREADS
    if not low < spread < high:
        yield Finding(
            "not_scaled",
            f"the numbers of the pictures have a spread of {spread:.3g}, "
            "where about 1 is usual: divide bytes by 255, once, and "
            "normalise",
        )


def check_order(train: Sample) -> Iterator[Finding]:
    """Pictures to learn from come mixed."""
    if in_order(train.labels):
        steps = int((train.labels[1:] != train.labels[:-1]).sum())
        yield Finding(
            "not_shuffled",
            f"in {len(train.labels)} pictures the class changes {steps} "
            "times: pass shuffle=True to the loader of train",
        )


def check_labels(train: Sample) -> Iterator[Finding]:
    """Pictures that look alike share a label more often than others."""
    count, lucky = len(train.labels), chance(train.labels)
    others = train.labels[nearest(train.images)[1]]
    agree = (others == train.labels).sum().item() / count
    least = lucky + SIGMAS * math.sqrt(lucky * (1 - lucky) / count)
    if count >= 100 and agree < min(least, 1):
        yield Finding(
            "labels_shuffled",
            f"{agree:.3f} of {count} pictures share the label of the one "
            f"most like them, {lucky:.3f} would be chance: look at some "
            "with their labels, they may belong to other pictures",
        )


def check_classes(train: Sample, val: Sample) -> Iterator[Finding]:
    """A label means the same class in both splits."""
    named = [getattr(s.dataset, "class_to_idx", None) for s in (train, val)]
    renamed = None not in named and named[0] != named[1]
    count = len(val.labels)
    shares = (train.labels.bincount() / len(train.labels)).tolist()
    missing = [
        label
        for label, share in enumerate(shares)
        if label not in val.labels and (1 - share) ** count < RARE
    ]
    if in_order(val.labels):
        missing = []  # it may come later
    if renamed or missing:
        yield Finding(
            "missing_class",
            f"train has labels up to {train.labels.max()}, val up to "
            f"{val.labels.max()}, and lacks {missing or 'none of them'}: "
            "give both the same classes, in the same order",
        )


def check_splits(train: Sample, val: Sample) -> Iterator[Finding]:
    """No picture stands in both splits."""
    usual = nearest(train.images)[0].quantile(NEAR)
    apart = nearest(val.images, train.images)[0]
    same = int((apart < usual / 1000).sum())
    near = int((apart < usual).sum())
    if near < CROWDED * len(val.labels):
        near = 0  # as many as two splits of their own have
    found = max(len(files(train) & files(val)), same, near)
    if found > 1:
        yield Finding(
            "val_is_train",
            f"{found} pictures of val stand in train, too: measure on "
            "pictures that are not learned from",
        )


def check_preparation(train: Sample, val: Sample) -> Iterator[Finding]:
    """Both splits are prepared with the same numbers."""
    # Of the same classes: val may begin with one that is dark
    learned = train.images[torch.isin(train.labels, val.labels)]
    measured = val.images[torch.isin(val.labels, train.labels)]
    if not len(learned):
        return
    shift = abs(learned.mean() - measured.mean()) / learned.std()
    factor = abs((learned.std() / measured.std()).log().item())
    if shift > MEANS_APART or factor > math.log(SPREADS_APART):
        yield Finding(
            "wrong_normalization",
            f"pictures of train have mean {learned.mean():.2f} and spread "
            f"{learned.std():.2f}, those of val {measured.mean():.2f} and "
            f"{measured.std():.2f}: prepare both with the same numbers",
        )
