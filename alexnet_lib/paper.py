"""What the paper of 2012 does beside its network.

Colour noise and ten crops (its section 4.1), a learning rate that falls
when nothing improves (section 5), and its count of neurons.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torchvision.transforms import v2

from .engine import Callback, TrainState
from .inference import predict
from .layers import layer_table


def color_components(images: Tensor) -> tuple[Tensor, Tensor]:
    """How much the colours of uint8 images vary, and in which directions.

    The eigenvalues, largest first, and the eigenvectors, as columns, of
    the covariance of red, green and blue, from 0 to 1, over all pixels.
    """
    if images.shape[1] != 3:
        raise ValueError(
            f"images of {images.shape[1]} channels have no colours: give "
            "images of three, red, green and blue"
        )
    mean, squares = torch.zeros(3, 1).double(), torch.zeros(3, 3).double()
    count = images[:, 0].numel()
    for part in images.split(100):  # the floats of all would fill the memory
        pixels = part.permute(1, 0, 2, 3).flatten(1).cpu().double() / 255
        mean += pixels.sum(dim=1, keepdim=True) / count
        squares += pixels @ pixels.T / count
    values, vectors = torch.linalg.eigh(squares - mean @ mean.T)
    # An eigenvector has no sign of its own: its largest part is positive
    largest = vectors.abs().argmax(dim=0, keepdim=True)
    vectors = vectors * vectors.gather(0, largest).sign()
    dtype = torch.get_default_dtype()
    return values.flip(0).to(dtype), vectors.flip(1).to(dtype)


def color_noise(
    scales: Tensor, vectors: Tensor, strength: float = 0.1
) -> Callable[[Tensor], Tensor]:
    """One shift of all pixels along the colours' directions for each image.

    With eigenvalues for `scales` it is the paper's formula; the published
    source has standard deviations, their roots. From uint8 to floats, 0 to
    1 and a little beyond, as whole numbers would round most shifts away.
    """

    def augment(images: Tensor) -> Tensor:
        draws = strength * torch.randn(len(images), 3)
        shifts = (draws * scales) @ vectors.T  # (N, 3)
        floats = v2.functional.to_dtype(images, shifts.dtype, scale=True)
        return floats + shifts[:, :, None, None].to(images.device)

    return augment


def ten_crops(images: Tensor, size: int) -> Tensor:
    """The corners, the centre and their mirror images, (10, N, C, H, W)."""
    return torch.stack(v2.functional.ten_crop(images, [size, size]))


def predict_ten_crops(model: nn.Module, images: Tensor, size: int) -> Tensor:
    """The probability of each class, (N, classes): the mean of ten crops.

    `images` are prepared, but not yet cut to `size` (the paper's 4.1).
    """
    crops = ten_crops(images, size)
    return torch.stack([predict(model, crop) for crop in crops]).mean(dim=0)


def divide_on_plateau(
    patience: int, times: int = 3, metric: str = "val_accuracy"
) -> Callback:
    """A callback: a tenth of the learning rate when nothing improves.

    That is when, at the rate of the moment, `metric` was highest `patience`
    epochs ago. After `times` divisions it ends the training instead. The
    paper's section 5 did so by hand. Put it before a callback that saves.
    """

    def divide(state: TrainState) -> bool:
        if not isinstance(state.scheduler, LambdaLR):
            raise ValueError(
                f"a {type(state.scheduler).__name__} sets the learning rate "
                "already: leave it out of the TrainState"
            )
        rates = [row["lr"] for row in state.history]
        rows = [row for row in state.history if row["lr"] == rates[-1]]
        scores = [row[metric] for row in rows]
        if len(scores) - 1 - scores.index(max(scores)) < patience:
            return False
        if len(set(rates)) > times:
            return True
        # The schedule multiplies its base rates: both must fall
        base = [rate / 10 for rate in state.scheduler.base_lrs]
        state.scheduler.base_lrs = base
        for group, rate in zip(
            state.optimizer.param_groups, base, strict=True
        ):
            group["lr"] = rate
        return False

    return divide


def count_neurons(model: nn.Module, image_shape: tuple) -> int:
    """The numbers that the convolutions and dense layers put out."""
    rows = layer_table(model, image_shape)
    return sum(math.prod(row.shape) for row in rows if row.macs)
