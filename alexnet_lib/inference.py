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


def confusion_matrix(
    model: nn.Module, loader: Iterable, num_classes: int
) -> Tensor:
    """Counts: the row is the true class, the column the predicted one."""
    counts = torch.zeros(num_classes, num_classes, dtype=torch.long)
    for images, labels in loader:
        predicted = predict(model, images).argmax(dim=1)
        for true, guess in zip(
            labels.tolist(), predicted.tolist(), strict=True
        ):
            counts[true, guess] += 1
    return counts
