import random

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from alexnet_lib import layers, model


def test_output_size_is_pytorchs():
    draw = random.Random(0)
    checked = 0
    while checked < 200:
        size, kernel = draw.randint(1, 60), draw.randint(1, 11)
        stride, padding = draw.randint(1, 5), draw.randint(0, 5)
        dilation = draw.randint(1, 3)
        if size + 2 * padding < dilation * (kernel - 1) + 1:
            continue  # not one window fits
        conv = nn.Conv2d(
            1, 1, kernel, stride, padding, dilation, device="meta"
        )
        out = conv(torch.zeros(1, 1, size, size, device="meta"))
        assert out.shape[-1] == layers.output_size(
            size, kernel, stride, padding, dilation
        )
        checked += 1


@pytest.mark.parametrize(
    "name, shape",
    [
        ("alexnet_fashion", (1, 224, 224)),
        ("alexnet_paper", (3, 224, 224)),
        ("alexnet_2012", (3, 224, 224)),
        ("alexnet_torchvision", (3, 224, 224)),
        ("alexnet_small", (1, 96, 96)),
    ],
)
def test_work_is_what_pytorch_counts(name, shape):
    with torch.device("meta"):
        net = model.ARCHITECTURES[name]()
        with FlopCounterMode(display=False) as counter:
            net(torch.zeros(1, *shape))
    rows = layers.layer_table(net, shape)
    assert 2 * sum(row.macs for row in rows) == counter.get_total_flops()
    assert sum(row.parameters for row in rows) == layers.count_parameters(net)


def test_the_table_shows_the_walk_of_the_fashion_network():
    with torch.device("meta"):
        net = model.alexnet_fashion()
    rows = layers.layer_table(net, (1, 224, 224))
    sides = [r.shape[1] for r in rows if r.kind in ("Conv2d", "MaxPool2d")]
    assert sides == [54, 26, 26, 12, 12, 12, 12, 5]
    assert rows[-1].shape == (10,) and rows[-1].name == "classifier.6"


def test_the_table_leaves_model_and_random_numbers_alone():
    net = model.alexnet_small()
    net.train()
    before = torch.get_rng_state()
    layers.layer_table(net, (1, 96, 96))
    assert net.training and torch.equal(before, torch.get_rng_state())
