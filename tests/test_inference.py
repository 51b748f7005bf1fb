import pytest
import torch
from torch import nn

from alexnet_lib.batches import Batches
from alexnet_lib.inference import (
    calibration,
    confusion_matrix,
    predict,
    predict_all,
    top_classes,
)


def test_probabilities_are_the_softmax_of_the_logits():
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 3))
    net.train()
    images = torch.randn(5, 1, 2, 2)
    found = predict(net, images)
    logits = net[2](images.flatten(1))
    expected = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    torch.testing.assert_close(found, expected)
    assert net.training  # left as it came


def test_top_classes_come_best_first():
    probabilities = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
    top = top_classes(probabilities, ["a", "b", "c"], k=2)
    assert [[name for name, _ in row] for row in top] == [
        ["b", "c"],
        ["a", "c"],
    ]
    assert top[0][0][1] == pytest.approx(0.5)
    assert len(top_classes(probabilities, ["a", "b", "c"], k=9)[0]) == 3


def test_confusion_counts_true_classes_in_rows():
    images = torch.eye(3)[[0, 1, 1, 2, 0]]
    labels = torch.tensor([0, 1, 2, 2, 1])
    loader = Batches((images, labels), 2)
    counts = confusion_matrix(*predict_all(nn.Identity(), loader))
    assert counts.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]


def test_calibration_compares_being_sure_with_being_right():
    sure = torch.tensor([0.62, 0.68, 0.95, 1.0, 0.91])
    probabilities = torch.stack([sure, 1 - sure], dim=1)
    labels = torch.tensor([0, 1, 0, 0, 1])
    low, high = calibration(probabilities, labels)
    assert low == pytest.approx(
        {"count": 2, "confidence": 0.65, "accuracy": 0.5}
    )
    assert high == pytest.approx(
        {"count": 3, "confidence": 2.86 / 3, "accuracy": 2 / 3}
    )
