"""From uint8 images to prepared batches on the device.

Random work, crops and flips, is drawn for each image; fixed work, resize
and normalise, is done once for a whole batch, where the network is.
"""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, SubsetRandomSampler
from torchvision.transforms import v2


def random_crop_flip(size: int) -> Callable[[Tensor], Tensor]:
    """A window of `size` pixels, mirrored or not, drawn for each image.

    The paper's section 4.1. torchvision's random transforms would draw
    once for a whole batch.
    """

    def augment(images: Tensor) -> Tensor:
        count, _, height, width = images.shape
        span = torch.arange(size)
        rows = torch.randint(height - size + 1, (count, 1)) + span
        columns = torch.randint(width - size + 1, (count, 1)) + span
        mirrored = torch.rand(count, 1) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
        n = torch.arange(count)[:, None, None]
        windows = images[n, :, rows[:, :, None], columns[:, None, :]]
        return windows.permute(0, 3, 1, 2)  # (N, C, size, size)

    return augment


def preprocess(
    resize: int,
    crop: int,
    mean: list[float],
    std: list[float],
    augment: Callable[[Tensor], Tensor] | None = None,
) -> Callable[[Tensor], Tensor]:
    """From square uint8 images to what the network sees.

    Resize, cut out the central `crop` pixels (or what `augment` gives), go
    from 0..255 to 0..1, subtract `mean`, divide by `std`. The result has
    PyTorch's default dtype.
    """
    steps = [
        v2.Resize(resize),
        augment or v2.CenterCrop(crop),
        v2.ToDtype(torch.get_default_dtype(), scale=True),
        v2.Normalize(mean, std),
    ]
    return v2.Compose(steps)


class Batches:
    """Batches of a data set in memory, picked by index."""

    def __init__(
        self,
        data: tuple[Tensor, Tensor],
        batch_size: int,
        shuffle: bool = False,
    ):
        self.images, self.labels = data
        count, shape = len(self.images), tuple(self.labels.shape)
        if not count or shape != (count,) or (self.labels < 0).any():
            raise ValueError(
                f"{count:,} images and labels of shape {shape}, or a label "
                "below 0: each image, one at least, needs a class's number"
            )
        self.batch_size, self.shuffle = batch_size, shuffle

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.labels)
        order = torch.randperm(count) if self.shuffle else torch.arange(count)
        order = order.to(self.labels.device)
        for chosen in order.split(self.batch_size):
            yield self.images[chosen], self.labels[chosen]


def make_batches(
    data: tuple[Tensor, Tensor] | Dataset,
    batch_size: int,
    shuffle: bool = False,
    device: torch.device | str = "cpu",
) -> Batches | DataLoader:
    """Batches of what is in memory, by index, or streamed from files.

    In both ways the order is the same. What is in memory goes to `device`
    as a whole; files are read by as many workers as PyTorch has threads.
    """
    if not isinstance(data, Dataset):
        resident = tuple(tensor.to(device) for tensor in data)
        return Batches(resident, batch_size, shuffle)
    # Draws what `Batches` draws; DataLoader's own shuffle would differ
    order = SubsetRandomSampler(range(len(data))) if shuffle else None
    return DataLoader(
        data,
        batch_size,
        sampler=order,
        num_workers=torch.get_num_threads(),
        pin_memory=torch.device(device).type == "cuda",
        generator=torch.Generator(),  # its seeds for the workers
        persistent_workers=True,
    )


class DeviceLoader:
    """Batches moved to `device` and prepared there, ready for the network.

    `batches` yields uint8 images and labels, as `make_batches` does.
    """

    def __init__(
        self,
        batches: Iterable,
        prepare: Callable[[Tensor], Tensor],
        device: torch.device | str = "cpu",
    ):
        self.batches, self.prepare, self.device = batches, prepare, device

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in self.batches:
            images = self.prepare(images.to(self.device, non_blocking=True))
            labels = labels.to(self.device, non_blocking=True)
            # The layout in which convolutions and pools run fastest
            yield images.to(memory_format=torch.channels_last), labels
