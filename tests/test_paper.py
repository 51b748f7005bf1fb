"""The networks counted by plain arithmetic; colours, crops and schedule."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.flop_counter import FlopCounterMode

from alexnet_lib import engine, inference, layers, model, paper
from benchmarks.paper import color_shares

# Of each convolution: channels in and out, kernel, side of its map, groups;
# of each dense layer: numbers in and out
CONVOLUTIONS = {
    "alexnet_fashion": [
        (1, 96, 11, 54, 1),
        (96, 256, 5, 26, 1),
        (256, 384, 3, 12, 1),
        (384, 384, 3, 12, 1),
        (384, 256, 3, 12, 1),
    ],
    "alexnet_flowers": [
        (3, 96, 11, 55, 1),
        (96, 256, 5, 27, 1),
        (256, 384, 3, 13, 1),
        (384, 384, 3, 13, 1),
        (384, 256, 3, 13, 1),
    ],
    "alexnet_paper": [
        (3, 96, 11, 55, 1),
        (96, 256, 5, 27, 2),
        (256, 384, 3, 13, 1),
        (384, 384, 3, 13, 2),
        (384, 256, 3, 13, 2),
    ],
    "alexnet_torchvision": [
        (3, 64, 11, 55, 1),
        (64, 192, 5, 27, 1),
        (192, 384, 3, 13, 1),
        (384, 256, 3, 13, 1),
        (256, 256, 3, 13, 1),
    ],
    "alexnet_narrow": [
        (3, 48, 11, 55, 1),
        (48, 128, 5, 27, 1),
        (128, 192, 3, 13, 1),
        (192, 192, 3, 13, 1),
        (192, 128, 3, 13, 1),
    ],
    "alexnet_small": [
        (1, 24, 11, 23, 1),
        (24, 64, 5, 11, 1),
        (64, 96, 3, 5, 1),
        (96, 96, 3, 5, 1),
        (96, 64, 3, 5, 1),
    ],
}
CONVOLUTIONS["alexnet_2012"] = CONVOLUTIONS["alexnet_paper"]
CONVOLUTIONS["one tower"] = CONVOLUTIONS["alexnet_flowers"]
DENSE = {
    "alexnet_fashion": [(6400, 4096), (4096, 4096), (4096, 10)],
    "alexnet_flowers": [(9216, 4096), (4096, 4096), (4096, 5)],
    "alexnet_narrow": [(4608, 512), (512, 512), (512, 5)],
    "alexnet_small": [(256, 1024), (1024, 1024), (1024, 10)],
}
THOUSAND = [(9216, 4096), (4096, 4096), (4096, 1000)]
INPUTS = {"alexnet_fashion": (1, 224, 224), "alexnet_small": (1, 96, 96)}
every_network = pytest.mark.parametrize("name", CONVOLUTIONS)


def build(name):
    """A network, or the copy of the paper's in one tower, without memory."""
    with torch.device("meta"):
        if name != "one tower":
            return model.ARCHITECTURES[name]()
        copied = model.alexnet_paper()
        for place, layer in enumerate(copied.features):
            if isinstance(layer, nn.Conv2d) and layer.groups == 2:
                copied.features[place] = nn.Conv2d(
                    layer.in_channels,
                    layer.out_channels,
                    layer.kernel_size,
                    padding=layer.padding,
                )
        return copied


def counted(name):
    """Parameters, neurons and MACs, from the numbers above alone."""
    parameters = neurons = macs = 0
    for before, after, kernel, side, groups in CONVOLUTIONS[name]:
        weights = before // groups * kernel * kernel
        parameters += after * weights + after
        neurons += after * side * side
        macs += after * side * side * weights
    for before, after in DENSE.get(name, THOUSAND):
        parameters += after * before + after
        neurons += after
        macs += after * before
    return parameters, neurons, macs


def test_every_network_is_counted():
    assert set(CONVOLUTIONS) == {*model.ARCHITECTURES, "one tower"}


@every_network
def test_counts_are_those_of_plain_arithmetic(name):
    net, shape = build(name), INPUTS.get(name, (3, 224, 224))
    parameters, neurons, macs = counted(name)
    assert layers.count_parameters(net) == parameters
    assert paper.count_neurons(net, shape) == neurons
    assert sum(row.macs for row in layers.layer_table(net, shape)) == macs


@every_network
def test_macs_are_half_of_the_operations_that_pytorch_counts(name):
    net = build(name)  # forward only: of groups, backward is counted wrongly
    image = torch.zeros(1, *INPUTS.get(name, (3, 224, 224)), device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(image)
    assert counter.get_total_flops() == 2 * counted(name)[2]


def test_the_numbers_that_the_chapter_names():
    assert counted("alexnet_paper")[:2] == (60_965_224, 659_272)
    assert counted("one tower")[0] == 62_378_344


def test_color_components_are_those_of_all_pixels():
    images = torch.randint(256, (130, 3, 5, 4), dtype=torch.uint8)
    images[:, 2] = images[:, 0] // 2 + 60  # blue follows red
    values, vectors = paper.color_components(images)
    pixels = images.permute(1, 0, 2, 3).flatten(1).double() / 255
    covariance = torch.cov(pixels, correction=0)
    ours = vectors.double() @ values.double().diag() @ vectors.T.double()
    torch.testing.assert_close(ours, covariance, rtol=0, atol=1e-7)
    assert values.tolist() == sorted(values.tolist(), reverse=True)
    largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    assert (largest > 0).all()


def test_color_components_need_colors():
    with pytest.raises(ValueError, match="images of 1 channels"):
        paper.color_components(torch.zeros(2, 1, 4, 4, dtype=torch.uint8))


@pytest.fixture
def noise():
    vectors = torch.linalg.qr(torch.randn(3, 3))[0]
    return torch.tensor([0.3, 0.2, 0.1]), vectors


def test_color_noise_shifts_each_image_by_one_color(noise):
    images = torch.randint(256, (4, 3, 6, 5), dtype=torch.uint8)
    shifts = paper.color_noise(*noise)(images) - images / 255
    first = shifts[:, :, :1, :1]
    torch.testing.assert_close(shifts, first.expand_as(shifts))
    assert first.std(dim=0).min() > 0.001  # each its own
    assert shifts.dtype == torch.get_default_dtype()
    nothing = paper.color_noise(*noise, strength=0.0)(images)
    torch.testing.assert_close(nothing, images / 255)


def test_color_noise_has_the_spread_of_the_scales(noise):
    scales, vectors = noise
    black = torch.zeros(200_000, 3, 1, 1, dtype=torch.uint8)
    shifts = paper.color_noise(scales, vectors, strength=0.5)(black)
    along = shifts.flatten(1) @ vectors  # back to the components
    assert along.std(dim=0).tolist() == pytest.approx(
        (0.5 * scales).tolist(), rel=0.02
    )


def test_ten_crops_are_corners_centre_and_mirror_images():
    images = torch.randint(256, (2, 3, 10, 8))
    crops = paper.ten_crops(images, 6)
    assert crops.shape == (10, 2, 3, 6, 6)
    starts = [(0, 0), (0, 2), (4, 0), (4, 2), (2, 1)]
    for crop, (row, column) in zip(crops[:5], starts, strict=True):
        window = images[:, :, row : row + 6, column : column + 6]
        assert torch.equal(crop, window)
    straight = {tuple(c.flatten().tolist()) for c in crops[:5].flip(-1)}
    assert {tuple(c.flatten().tolist()) for c in crops[5:]} == straight


def test_ten_crops_vote_with_their_probabilities():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(48, 5)).train()
    images = 9 * torch.randn(3, 3, 6, 6)
    found = paper.predict_ten_crops(net, images, 4)
    each = [inference.predict(net, c) for c in paper.ten_crops(images, 4)]
    torch.testing.assert_close(found, sum(each) / 10)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))
    assert net.training


def state_of(net, **more):
    groups = [{"params": p} for p in net.parameters()]  # bias: twice the rate
    groups[1]["lr"] = 0.2
    optimizer = torch.optim.SGD(groups, lr=0.1)
    return engine.TrainState(net, optimizer, **more)


def rates_for(accuracies, **settings):
    """The rate of each epoch, and whether the last one was to end it."""
    state = state_of(nn.Linear(1, 1))
    callback, rates, ends = paper.divide_on_plateau(**settings), [], False
    for accuracy in accuracies:
        assert not ends
        rates.append(state.optimizer.param_groups[0]["lr"])
        row = {"lr": rates[-1], "val_accuracy": accuracy}
        state.history.append(row)
        ends = callback(state)
        state.optimizer.step()
        state.scheduler.step()  # must not bring the old rate back
    return [round(rate, 9) for rate in rates], ends


def test_the_rate_falls_when_nothing_improves():
    rising = [0.1, 0.2, 0.3, 0.4]
    assert rates_for(rising, patience=2) == ([0.1] * 4, False)
    stands = [0.3, 0.4, 0.4, 0.35, 0.39, 0.39, 0.41]
    wanted = [0.1] * 4 + [0.01] * 3  # epoch 2 was the best; 0.39 starts anew
    assert rates_for(stands, patience=2) == (wanted, False)


def test_after_so_many_divisions_the_training_ends():
    stands = [0.5] * 4
    rates, ends = rates_for(stands, patience=1, times=1)
    assert rates == [0.1, 0.1, 0.01, 0.01] and ends


def test_every_group_falls_alike():
    state = state_of(nn.Linear(1, 1))
    state.history += [{"lr": 0.1, "val_accuracy": 0.5}] * 2
    paper.divide_on_plateau(patience=1)(state)
    rates = [group["lr"] for group in state.optimizer.param_groups]
    assert rates == pytest.approx([0.01, 0.02])
    assert state.scheduler.base_lrs == pytest.approx([0.01, 0.02])


def test_another_schedule_is_refused():
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    state = engine.TrainState(net, optimizer, OneCycleLR(optimizer, 0.1, 9))
    state.history.append({"lr": 0.1, "val_accuracy": 0.5})
    with pytest.raises(ValueError, match="OneCycleLR sets the learning rate"):
        paper.divide_on_plateau(patience=1)(state)


def test_a_resumed_run_divides_as_an_unbroken_one():
    data = [(torch.ones(4, 1), torch.tensor([0, 1, 0, 1]))]  # always 0.5
    callback = paper.divide_on_plateau(patience=1)

    def run(state, epochs):
        return engine.fit(state, data, data, epochs, [callback])

    torch.manual_seed(0)
    net = nn.Linear(1, 2)
    broken = state_of(copy.deepcopy(net))
    unbroken = [row["lr"] for row in run(state_of(net), 5)]
    run(broken, 2)
    saved, resumed = broken.state_dict(), state_of(nn.Linear(1, 2))
    resumed.load_state_dict(saved)
    assert [row["lr"] for row in run(resumed, 5)] == unbroken
    assert unbroken == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


def test_gray_kernels_have_no_color_and_colored_ones_no_gray():
    pattern = torch.randn(11, 11)
    gray = pattern.expand(3, -1, -1)
    color = torch.stack([pattern, -2 * pattern, pattern])  # sums to zero
    shares = color_shares(torch.stack([gray, color, gray + color]))
    assert shares == pytest.approx([0, 1, 2 / 3], abs=1e-6)
