"""A drawing of a network shows the sizes that PyTorch computes."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
import torch
from torch import nn

from alexnet_lib import diagram
from alexnet_lib.diagram import TALL, WIDE, svg
from alexnet_lib.model import ARCHITECTURES, AlexNet
from tests.conftest import ROOT
from tools.cover import network

SHAPES = {
    "alexnet_fashion": (1, 224, 224),
    "alexnet_small": (1, 96, 96),
}
every_network = pytest.mark.parametrize("name", sorted(ARCHITECTURES))
SVG = "{http://www.w3.org/2000/svg}"


def built(name: str) -> tuple[nn.Module, tuple[int, int, int]]:
    with torch.device("meta"):
        model = ARCHITECTURES[name]()
    return model.eval(), SHAPES.get(name, (3, 224, 224))


def lines_of(picture: str, *names: str) -> list[str]:
    """The text of a picture that is of these classes."""
    texts = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return [t.text for t in texts if t.get("class") in names]


def sizes_that_pytorch_computes(model: nn.Module, shape: tuple) -> list[str]:
    """Of the image and of each layer that an image passes, in order."""
    texts = ["{1}×{2} × {0}".format(*shape)]
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.ZeroPad2d)

    def note(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        if layer is model.classifier:
            return
        if isinstance(layer, nn.Linear):
            texts.append(str(output.shape[1]))
        elif isinstance(layer, kinds):
            texts.append("{2}×{3} × {1}".format(*output.shape))

    def flattened(layer: nn.Module, inputs: tuple) -> None:
        texts.append(str(inputs[0].shape[1]))

    for layer in model.modules():
        layer.register_forward_hook(note)
    model.classifier.register_forward_pre_hook(flattened)
    with torch.no_grad():
        model(torch.zeros(1, *shape, device="meta"))
    return texts


@every_network
def test_the_sizes_are_those_that_pytorch_computes(name: str):
    model, shape = built(name)
    drawn = diagram.draw(model, shape)
    wanted = sizes_that_pytorch_computes(model, shape)
    assert lines_of(drawn.picture(TALL), "size") == wanted
    assert " ".join(lines_of(drawn.picture(WIDE), "size")) == " ".join(wanted)


@every_network
def test_the_windows_are_those_of_the_layers(name: str):
    model, shape = built(name)
    wanted = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            channels, height, width = layer.weight.shape[1:]
            wanted += [f"{height}×{width}", f"× {channels}"]
            stride, padding = layer.stride[0], layer.padding[0]
        elif isinstance(layer, nn.MaxPool2d):
            wanted.append(f"{layer.kernel_size}×{layer.kernel_size}")
            stride, padding = layer.stride, layer.padding
        else:
            continue
        wanted += [f"stride {stride}"] * (stride != 1)
        wanted += [f"pad {padding}"] * (padding != 0)
    drawn = diagram.draw(model, shape)
    assert lines_of(drawn.picture(WIDE), "made") == wanted
    tall = " ".join(lines_of(drawn.picture(TALL), "made"))
    assert re.findall(r"\w+", tall) == re.findall(r"\w+", " ".join(wanted))


@every_network
def test_no_layer_is_left_out(name: str):
    model, shape = built(name)
    drawn = diagram.draw(model, shape)
    kinds = [block.kind for block in drawn.blocks]
    notes = [note for block in drawn.blocks for note in block.notes]
    leaves = [m for m in model.modules() if not list(m.children())]
    # The image and flatten are no modules
    assert len(kinds) - 2 + len(notes) == len(leaves)


@every_network
def test_a_picture_is_a_whole_image_with_a_name(name: str):
    drawn = diagram.draw(*built(name))
    for form in (WIDE, TALL):
        root = ElementTree.fromstring(drawn.picture(form))
        assert root.get("role") == "img"
        assert [child.tag for child in root][:2] == [
            f"{SVG}title",
            f"{SVG}desc",
        ]
        assert "parameters" in root[0].text
        assert "conv 5" in root[1].text
    ElementTree.fromstring(f"<all>{drawn._repr_html_()}</all>")


def test_everything_lies_inside_the_picture():
    for name in ARCHITECTURES:
        for form in (WIDE, TALL):
            picture = diagram.draw(*built(name)).picture(form)
            root = ElementTree.fromstring(picture)
            x, y, width, height = map(float, root.get("viewBox").split())
            for point in svg.points_of([picture]):
                assert x < point.real < x + width
                assert y < point.imag < y + height


def test_the_same_network_gives_the_same_bytes():
    one, other = built("alexnet_small"), built("alexnet_small")
    assert (
        diagram.draw(*one)._repr_html_() == diagram.draw(*other)._repr_html_()
    )


def tiny(**options: int) -> AlexNet:
    conv = {"kernel_size": 3, "stride": 1, "padding": 0} | options
    with torch.device("meta"):
        return AlexNet(
            nn.Sequential(nn.Conv2d(4, 8, **conv), nn.ReLU()),
            nn.Sequential(nn.LazyLinear(5)),
        ).eval()


@pytest.mark.parametrize(
    "change",
    [{"kernel_size": 5}, {"stride": 2}, {"padding": 1}, {"groups": 2}],
)
def test_another_network_gives_another_drawing(change: dict):
    first = diagram.draw(tiny(), (4, 16, 16)).picture()
    assert diagram.draw(tiny(**change), (4, 16, 16)).picture() != first


def test_two_groups_are_two_lanes():
    def boxes(name: str) -> int:
        picture = diagram.draw(*built(name)).picture()
        return picture.count('<g class="conv">') - 1  # the legend has one

    assert boxes("alexnet_flowers") == 5
    assert boxes("alexnet_paper") == 10


def test_a_window_lies_where_the_layer_looks():
    model = tiny(kernel_size=5, stride=3, padding=2)
    image, conv = diagram.draw(model, (4, 16, 16)).blocks[:2]
    low, high, center = diagram.looked_at(conv, WIDE.solid(image.shape, 0, 1))
    # The map is 6 wide; its place 2 sees pixels 2 * 3 - 2 = 4 up to 8
    assert (low, high) == ([4 / 16] * 2, [9 / 16] * 2)
    assert center == [2.5 / 6] * 2


def test_a_picture_is_shown_on_the_image():
    picture = torch.zeros(1, 4, 4, dtype=torch.uint8)
    picture[0, 1:3, 1:3] = 255
    drawn = diagram.draw(*built("alexnet_small"), picture)
    (shown,) = re.findall(r'class="pixel".*?d="(.*?)"', drawn.picture())
    assert shown.count("M") == 2  # two rows, each in one piece


def test_a_part_can_be_drawn_alone():
    drawn = diagram.draw(*built("alexnet_small"))
    part = drawn.only("pool 2", "conv 3")
    assert lines_of(part.picture(), "name") == ["pool 2", "conv 3"]
    with pytest.raises(ValueError, match="no block is called 'conv 9'"):
        drawn.only("conv 1", "conv 9")


def test_a_file_of_its_own_has_its_style():
    picture = diagram.draw(*built("alexnet_small")).picture()
    for theme in ("light", "dark"):
        root = ElementTree.fromstring(svg.standing_alone(picture, theme))
        assert theme in root.get("class")
        assert f".alexnet-net.{theme}" in root.find(f"{SVG}style").text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pictures_of_the_readme_are_up_to_date(theme: str):
    path = ROOT / "book" / "images" / f"network_{theme}.svg"
    told = "run `python tools/cover.py --network`"
    assert path.read_text(encoding="utf-8") == network(theme), told
