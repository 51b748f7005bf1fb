"""Fashion-MNIST at 224 pixels: the ladder from post 1's loop to the top."""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import FashionMNIST
from torchvision.transforms import v2

from alexnet_lib import data, drawings, engine
from alexnet_lib.batches import Batches, DeviceLoader, preprocess
from alexnet_lib.layers import layer_table
from alexnet_lib.model import alexnet_fashion

from .clock import Row
from .loops import post_1_epoch

# Of the real data: 60,000 to learn from, 10,000 to test on, and post 1
# tests on all of them after each batch of 1,024
TESTED_PER_STEP = 10_000 / 1024
TESTED_PER_EPOCH = 10_000 / 60_000
PIXELS = 224
USUAL = torch.contiguous_format  # PyTorch's usual layout of an image
NORMAL = {"mean": [0.286], "std": [0.353]}


def operations(model: nn.Module, shape: tuple) -> tuple[int, int]:
    """Of one image: to answer, and to learn. The first layer is spared
    the gradient of its input."""
    rows = layer_table(copy.deepcopy(model).to("meta"), shape)
    forward = sum(row.macs for row in rows)
    return 2 * forward, 2 * (3 * forward - rows[0].macs)


def enough(images: data.ImageSet, count: int) -> data.ImageSet:
    """`count` images, the same ones again where there are fewer."""
    index = torch.arange(count) % len(images.labels)
    return data.ImageSet(images.images[index], images.labels[index])


class FilesOneByOne:
    """Post 1's data: a PIL image resized and converted, one at a time."""

    def __init__(self, train: bool, count: int):
        resize = transforms.Compose(
            [transforms.Resize(PIXELS), transforms.ToTensor()]
        )
        # torchvision wants its own folder names; the drawn files have them
        root = drawings.fashion_folder()
        files = FashionMNIST(root, train=train, transform=resize)
        index = [number % len(files) for number in range(count)]
        self.files, self.train = Subset(files, index), train

    def loader(self, batch: int, kept: bool = True) -> DataLoader:
        """Four workers, kept from epoch to epoch or started each time.

        In a real epoch of 60,000 images one start of the workers weighs
        nothing. In the few steps of a run here it would, so it is kept out
        wherever the loop does not start them in every step.
        """
        return DataLoader(
            self.files,
            batch,
            shuffle=self.train,
            num_workers=4,
            persistent_workers=kept,
        )


class UsualLayout:
    """What `loader` gives, in PyTorch's usual layout.

    `contiguous()` would not do: an image of one channel lies the same way
    in both layouts, so it keeps the strides by which the convolutions
    choose `channels_last`.
    """

    def __init__(self, loader: DeviceLoader):
        self.loader = loader

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        loader = self.loader
        for images, labels in loader.batches:
            images = loader.prepare(images.to(loader.device))
            yield images, labels.to(loader.device)


def compiles(device: torch.device) -> bool:
    """Whether torch.compile finds what it needs, a C++ compiler mostly."""
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.ones(4, device=device))
    except Exception:
        return False
    return True


class Ladder:
    """The rungs: the same network, each one change more than the last.

    One run of a rung trains on a few batches and evaluates on as many
    images as belong to them in a real epoch.
    """

    def __init__(self, size: dict, device: torch.device):
        self.size, self.device = size, device
        self.batch, self.steps = size["batch"], size["steps"]
        self.trained = self.steps * self.batch
        self.tested = round(TESTED_PER_EPOCH * self.trained)
        torch.manual_seed(0)
        self.start = alexnet_fashion().to(device)
        self.flop = operations(self.start, (1, PIXELS, PIXELS))
        garments = data.drawn_fashion()
        self.train_loader = self.resident(garments.train, self.trained, True)
        self.test_loader = self.resident(garments.test, self.tested, False)

    def resident(
        self, images: data.ImageSet, count: int, shuffle: bool
    ) -> DeviceLoader:
        """Images that lie on the device as bytes, as the library has them."""
        bytes_there = [x.to(self.device) for x in enough(images, count)]
        batches = Batches(bytes_there, self.batch, shuffle)
        prepare = preprocess(PIXELS, PIXELS, **NORMAL)
        return DeviceLoader(batches, prepare, self.device)

    def fresh(
        self, layout: torch.memory_format, fused: bool = False
    ) -> tuple[nn.Module, Optimizer]:
        """The network as at the start, with an optimizer of its own."""
        net = copy.deepcopy(self.start).to(memory_format=layout)
        return net, SGD(net.parameters(), lr=0.01, fused=fused)

    def row(self, name: str, run: Callable, **different: object) -> Row:
        """A rung that trains for all steps and evaluates once, in fp32."""
        forward, learning = self.flop
        flop = self.trained * learning + self.tested * forward
        row = Row("ladder", name, self.trained, flop, run)
        return replace(row, **different)

    def post_1(self) -> Row:
        """Post 1 as it behaves. Its first run is warmed up by a short one:
        all of it would take as long as all other rungs together."""
        steps = self.size["post_steps"]
        each = round(TESTED_PER_STEP * self.batch)
        trained = steps * self.batch
        train = FilesOneByOne(True, trained).loader(self.batch)
        test = FilesOneByOne(False, each).loader(self.batch, kept=False)
        few = FilesOneByOne(False, 1).loader(self.batch)
        net, optimizer = self.fresh(USUAL)

        def run(test: DataLoader = test, each_step: bool = True) -> None:
            post_1_epoch(net, train, test, optimizer, self.device, each_step)

        forward, learning = self.flop
        return self.row(
            "post 1, as it behaves",
            run,
            images=trained,
            flop=trained * learning + steps * each * forward,
            warm=lambda: run(few, each_step=False),
        )

    def one_evaluation(
        self,
        name: str,
        train: Iterable,
        test: Iterable,
        layout: torch.memory_format = USUAL,
    ) -> Row:
        """Post 1's loop with the evaluation moved out of it."""
        net, optimizer = self.fresh(layout)
        return self.row(
            name,
            lambda: post_1_epoch(
                net, train, test, optimizer, self.device, each_step=False
            ),
        )

    def library(
        self,
        name: str,
        half: bool = False,
        compiled: bool = False,
        keeps_memory: bool = True,
    ) -> Row:
        """The library's loop, with a fused optimizer, and its options."""
        model, optimizer = self.fresh(torch.channels_last, fused=True)
        if compiled:
            model.compile()
        autocast = torch.autocast(self.device.type, torch.bfloat16, half)
        state = engine.TrainState(model, optimizer, autocast=autocast)
        criterion = nn.CrossEntropyLoss()

        one_step = [next(iter(self.train_loader))]

        def run(images: Iterable = self.train_loader) -> None:
            engine.train_one_epoch(state, images, criterion)
            engine.evaluate(model, self.test_loader, criterion, autocast)

        return self.row(
            name,
            run,
            warm=lambda: run(one_step),
            precision="bf16" if half else "fp32",
            keeps_memory=keeps_memory,
        )

    def rows(self) -> list[Row]:
        """All rungs, and the options above the last."""
        files = [
            FilesOneByOne(train, count).loader(self.batch)
            for train, count in ((True, self.trained), (False, self.tested))
        ]
        prepared = self.train_loader, self.test_loader
        usual = map(UsualLayout, prepared)
        last = torch.channels_last
        rows = [
            self.post_1(),
            self.one_evaluation("evaluation once an epoch", *files),
            self.one_evaluation(
                "images in memory, resized by the batch", *usual
            ),
            self.one_evaluation("channels_last", *prepared, last),
            self.library("fused steps, inference mode", keeps_memory=False),
            self.library("the library"),
            self.library("the library, bf16", half=True),
        ]
        if self.size["compile"] and compiles(self.device):
            rows += [
                self.library("the library, compiled", compiled=True),
                self.library("the library, bf16, compiled", True, True),
            ]
        return rows


def evaluation(size: dict, device: torch.device) -> list[Row]:
    """Ways to evaluate the same images, which are prepared beforehand."""
    count = size["evaluated"]
    garments = enough(data.drawn_fashion().test, count)
    prepare = preprocess(PIXELS, PIXELS, **NORMAL)
    prepared = DeviceLoader(Batches(garments, 128), prepare, device)
    batches = list(prepared)
    usual_batches = list(UsualLayout(prepared))
    torch.manual_seed(0)
    usual = alexnet_fashion().to(device).eval()
    last = copy.deepcopy(usual).to(memory_format=torch.channels_last)
    flop = count * operations(usual, (1, PIXELS, PIXELS))[0]
    criterion = nn.CrossEntropyLoss()

    def forward(context):
        with context():
            for images, labels in usual_batches:
                (usual(images).argmax(dim=1) == labels).sum()

    def library(half=False):
        autocast = torch.autocast(device.type, torch.bfloat16, half)
        engine.evaluate(last, batches, criterion, autocast)

    def row(name, run, precision="fp32", keeps_memory=False):
        return Row(
            "evaluation",
            name,
            count,
            flop,
            run,
            precision=precision,
            keeps_memory=keeps_memory,
        )

    return [
        row("no_grad", lambda: forward(torch.no_grad)),
        row("with gradients", lambda: forward(torch.enable_grad)),
        row("inference_mode", lambda: forward(torch.inference_mode)),
        row("channels_last, inference mode", library),
        row("the library", library, keeps_memory=True),
        row("the library, bf16", lambda: library(half=True), "bf16", True),
    ]


def inputs(size: dict, device: torch.device) -> list[Row]:
    """Ways from 28x28 bytes to 224x224 numbers; a CPU works on one thread."""
    count = size["prepared"]
    one_by_one = FilesOneByOne(False, count).files
    garments = enough(data.drawn_fashion().test, count)
    images, _ = (part.to(device) for part in garments)
    prepare = preprocess(PIXELS, PIXELS, **NORMAL)

    def alone(work):
        """On one thread, where it is the CPU that works."""

        def run():
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            work()
            torch.set_num_threads(threads)

        return run

    def by_batch(resize):
        for chosen in images.split(128):
            resize(chosen)

    def one_at_a_time():
        for _ in DataLoader(one_by_one, 128):
            pass

    to_float = v2.Compose(
        [v2.Resize(PIXELS), v2.ToDtype(torch.float32, scale=True)]
    )
    return [
        Row("input", name, count, 0.0, alone(work))
        for name, work in (
            ("PIL, image by image", one_at_a_time),
            ("by the batch, the same pixels", lambda: by_batch(to_float)),
            ("by the batch, and normalised", lambda: by_batch(prepare)),
        )
    ]
