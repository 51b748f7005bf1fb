"""Chapter 10: what the two halves of a first layer learn, gray or colour.

The paper's section 6.1 saw gray kernels on one GPU and coloured ones on the
other. Here a small network with two towers learns drawn flowers, and each of
its first kernels says how much of what it learned is colour.
"""

import torch
from torch import Tensor, nn

from alexnet_lib import engine
from alexnet_lib.batches import random_crop_flip

from . import ablations


def color_shares(kernels: Tensor) -> list[float]:
    """How much of each kernel, (N, 3, H, W), is not gray: squares, 0 to 1."""
    gray = kernels.mean(dim=1, keepdim=True)
    color = (kernels - gray).square().flatten(1).sum(dim=1)
    return (color / kernels.square().flatten(1).sum(dim=1)).tolist()


def towers(seed: int) -> dict:
    """Train two towers; what their first kernels were, are and learned."""
    torch.manual_seed(seed)
    model = ablations.two_towers(ablations.small())
    first = model.features[0].weight
    start = first.detach().clone()
    state = engine.TrainState(model, ablations.adam(model))
    augment = random_crop_flip(ablations.CROP)
    learned = ablations.loader("train", augment, learning=True)
    val, test = ablations.loader("val"), ablations.loader("test")
    engine.fit(state, learned, val, ablations.EPOCHS, seed=seed)
    tested = engine.evaluate(model, test, nn.CrossEntropyLoss())
    last = state.history[-1]
    return {
        "train_loss": last["train_loss"],
        "val_accuracy": last["val_accuracy"],
        "test_accuracy": tested["accuracy"],
        "color_start": color_shares(start),
        "color_end": color_shares(first.detach()),
        "color_change": color_shares(first.detach() - start),
    }


EXPERIMENTS = {"towers": lambda seed: {"towers": towers(seed)}}
about = ablations.about
