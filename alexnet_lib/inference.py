"""An image in, class probabilities out."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.inference_mode()
def predict(model: nn.Module, images: Tensor) -> Tensor:
    """The probability of each class for each prepared image, (N, classes)."""
    mode = model.training
    model.eval()
    probabilities = model(images).softmax(dim=1)
    model.train(mode)
    return probabilities


def top_classes(
    probabilities: Tensor, classes: list[str], k: int = 5
) -> list[list[tuple[str, float]]]:
    """For each image its `k` most probable classes, best first."""
    top = probabilities.topk(min(k, len(classes)), dim=1)
    return [
        [(classes[i], p) for i, p in zip(indices, values, strict=True)]
        for indices, values in zip(
            top.indices.tolist(), top.values.tolist(), strict=True
        )
    ]


def predict_all(model: nn.Module, loader: Iterable) -> tuple[Tensor, Tensor]:
    """Probabilities, (N, classes), and labels of all that `loader` yields."""
    batches = [(predict(model, images), labels) for images, labels in loader]
    if not batches:
        raise ValueError("the loader gave no batch: is its data empty?")
    probabilities, labels = (
        torch.cat(parts).cpu() for parts in zip(*batches, strict=True)
    )
    if not probabilities.isfinite().all():
        raise FloatingPointError(
            "the network gives NaN for probabilities: its weights are no "
            "longer numbers, train it anew"
        )
    return probabilities, labels


def confusion_matrix(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Counts: the row is the true class, the column the predicted one."""
    classes = probabilities.shape[1]
    # As long integers: labels of one byte would overflow
    cells = probabilities.argmax(dim=1).add(labels, alpha=classes)
    return cells.bincount(minlength=classes**2).view(classes, classes)


def calibration(
    probabilities: Tensor, labels: Tensor, bins: int = 10
) -> list[dict[str, float]]:
    """How often the network is right, for each degree of being sure.

    One row per bin of the highest probability that holds images: their
    count, their mean probability and the accuracy (arXiv 1706.04599).
    """
    confidence, predicted = probabilities.max(dim=1)
    correct = predicted.eq(labels)
    chosen = (confidence * bins).long().clamp(max=bins - 1)
    return [
        {
            "count": int(inside.sum()),
            "confidence": confidence[inside].mean().item(),
            "accuracy": correct[inside].double().mean().item(),
        }
        for inside in (chosen == b for b in range(bins))
        if inside.any()
    ]
