"""The arithmetic of layers, and the one layer that PyTorch lacks."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


def output_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> int:
    """How many windows fit along one side of a convolution or a pool.

    A pool whose `stride` is not given moves by its kernel: pass it here.
    """
    reach = dilation * (kernel - 1) + 1
    return max((size + 2 * padding - reach) // stride + 1, 0)


def count_parameters(model: nn.Module) -> int:
    """The number of weights and biases that training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


class Row(NamedTuple):
    """One line of `layer_table`, for one image."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of the output, without the batch
    parameters: int
    macs: int  # one multiplication and one addition each


def macs(layer: nn.Module, output: Tensor) -> int:
    """Multiply-adds of one layer for one image; biases are not counted."""
    if isinstance(layer, nn.Conv2d):
        return output[0].numel() * layer.weight[0].numel()
    return layer.weight.numel() if isinstance(layer, nn.Linear) else 0


@torch.no_grad()
def layer_table(model: nn.Module, image_shape: tuple) -> list[Row]:
    """What each layer of `model` puts out, holds and costs per image.

    `model` has `features` and `classifier`, each an `nn.Sequential`. One
    blank image is sent through it, so a model on the meta device, which
    knows shapes only, needs no memory.
    """
    layers = [(f"features.{n}", m) for n, m in model.features.named_children()]
    layers += [("flatten", nn.Flatten())]
    layers += [
        (f"classifier.{n}", m) for n, m in model.classifier.named_children()
    ]
    mode = model.training
    model.eval()  # a dropout layer would draw random numbers
    rows, x = [], next(model.parameters()).new_zeros(1, *image_shape)
    for name, layer in layers:
        x = layer(x)
        kind = type(layer).__name__
        shape = tuple(x.shape[1:])
        rows.append(
            Row(name, kind, shape, count_parameters(layer), macs(layer, x))
        )
    model.train(mode)
    return rows


class WithinMapNorm(nn.Module):
    """Divide by the activity nearby in the same map, for `alexnet_2012`.

    Its beta and k are taken to be those of the norms across maps.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float):
        super().__init__()
        self.mean = nn.AvgPool2d(size, stride=1, padding=size // 2)
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        return x / (self.k + self.alpha * self.mean(x * x)) ** self.beta
