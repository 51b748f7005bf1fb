import pytest
import torch
import torchvision
from torch import nn

from alexnet_lib import init, layers, model

SHAPES = {
    "alexnet_fashion": (1, 224, 224),
    "alexnet_small": (1, 96, 96),
}


def meta(name):
    with torch.device("meta"):
        return model.ARCHITECTURES[name]()


@pytest.mark.parametrize(
    "name, classes, parameters",
    [
        ("alexnet_fashion", 10, 46_764_746),
        ("alexnet_flowers", 5, 58_301_829),
        ("alexnet_paper", 1000, 60_965_224),
        ("alexnet_2012", 1000, 60_965_224),
        ("alexnet_torchvision", 1000, 61_100_840),
        ("alexnet_narrow", 5, 3_570_885),
        ("alexnet_small", 10, 1_558_202),
    ],
)
def test_size_and_output(name, classes, parameters):
    net = meta(name)
    images = torch.zeros(2, *SHAPES.get(name, (3, 224, 224)), device="meta")
    assert net(images).shape == (2, classes)
    assert layers.count_parameters(net) == parameters


@pytest.mark.parametrize("name", model.ARCHITECTURES)
def test_parameters_by_hand(name):
    """Weights and biases, from the sizes that the layers are made with."""
    net = meta(name)
    total = 0
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            kernel = layer.kernel_size[0] * layer.kernel_size[1]
            fan_in = layer.in_channels // layer.groups * kernel
            total += layer.out_channels * (fan_in + 1)
        if isinstance(layer, nn.Linear):
            total += layer.out_features * (layer.in_features + 1)
    assert layers.count_parameters(net) == total


@pytest.mark.parametrize("name", model.ARCHITECTURES)
def test_relu_is_never_in_place(name):
    found = [m for m in meta(name).modules() if isinstance(m, nn.ReLU)]
    assert len(found) == 7 and not any(m.inplace for m in found)


def test_small_is_a_quarter_as_wide():
    kinds = nn.Conv2d | nn.Linear
    small, full = (
        [m.weight.shape[0] for m in net.modules() if isinstance(m, kinds)]
        for net in (meta("alexnet_small"), meta("alexnet_paper"))
    )
    assert [4 * width for width in small[:-1]] == full[:-1]


def test_torchvision_variant_is_torchvisions():
    theirs = torchvision.models.alexnet().eval()
    ours = model.alexnet_torchvision().eval()
    ours.load_state_dict(theirs.state_dict())  # strict
    images = torch.randn(2, 3, 224, 224)
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize(
    "name, alpha, divided",
    [("alexnet_paper", 1e-4, 1), ("alexnet_2012", 1e-4, 5)],
)
def test_lrn_is_the_formula_of_its_source(name, alpha, divided):
    """The paper sums the squares of 5 maps, the 2012 source averages."""
    net = meta(name)
    norms = [m for m in net.modules() if isinstance(m, nn.LocalResponseNorm)]
    assert len(norms) == 2
    x = 30 * torch.randn(1, 8, 2, 2)
    sums = torch.stack(
        [x[:, max(0, i - 2) : i + 3].pow(2).sum(dim=1) for i in range(8)],
        dim=1,
    )
    expected = x / (2 + alpha / divided * sums) ** 0.75
    for norm in norms:
        torch.testing.assert_close(norm(x), expected)


def test_within_map_norm_looks_at_its_own_map():
    norm = layers.WithinMapNorm(5, alpha=1e-3, beta=0.75, k=2)
    x = 30 * torch.randn(1, 2, 7, 7)
    window = x[0, 1, 0:5, 1:6]  # around row 2, column 3
    expected = x[0, 1, 2, 3] / (2 + 1e-3 * window.pow(2).mean()) ** 0.75
    torch.testing.assert_close(norm(x)[0, 1, 2, 3], expected)


def test_2012_conv1_hangs_over_the_edge():
    """1 + ceil((224 - 11) / 4) windows, as the source computes it."""
    net = meta("alexnet_2012")
    x = net.features[:2](torch.zeros(1, 3, 224, 224, device="meta"))
    assert x.shape == (1, 96, 55, 55) and -(-(224 - 11) // 4) + 1 == 55


def kernels(net):
    kinds = nn.Conv2d | nn.Linear
    return [m for m in net.modules() if isinstance(m, kinds)]


def test_paper_initialisation():
    torch.manual_seed(0)
    net = model.alexnet_paper(num_classes=10)
    for number, layer in enumerate(kernels(net), start=1):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.03)
        wanted = 1.0 if number in (2, 4, 5, 6, 7) else 0.0
        assert set(layer.bias.tolist()) == {wanted}


def test_2012_initialisation():
    torch.manual_seed(0)
    stds = [m.weight.std().item() for m in kernels(model.alexnet_2012(10))]
    expected = [0.01, 0.01, 0.03, 0.03, 0.03, 0.01, 0.01, 0.01]
    assert stds == pytest.approx(expected, rel=0.03)


def test_kaiming_and_xavier_scale():
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 128, 3)
    init.init_kaiming(layer)
    assert layer.weight.std().item() == pytest.approx(
        (2 / (64 * 9)) ** 0.5, rel=0.03
    )
    init.init_xavier(layer)
    limit = (6 / (64 * 9 + 128 * 9)) ** 0.5
    assert layer.weight.abs().max().item() == pytest.approx(limit, rel=0.01)
    assert not layer.bias.any()


@pytest.mark.parametrize("name", ["alexnet_fashion", "alexnet_flowers"])
def test_the_builders_initialise(name):
    """Biases are zero: PyTorch's default would leave them random."""
    net = model.ARCHITECTURES[name]()
    assert not any(layer.bias.any() for layer in kernels(net))
