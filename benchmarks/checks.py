"""What must be equal before speeds are compared, and what can be counted."""

import copy
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision import transforms
from torchvision.transforms import v2

from alexnet_lib import data, engine
from alexnet_lib.batches import Batches, DeviceLoader, preprocess

from .clock import quiet
from .garments import NORMAL, UsualLayout
from .loops import evaluate_accuracy, post_1_epoch

TOLERANCE = 1e-4  # float32 sums taken in another order


def pixels_apart(garments: torch.Tensor, side: int) -> int:
    """The largest difference, of 255, between PIL's resize and the batch's.

    `garments` are uint8 images (N, 1, 28, 28).
    """
    resize = transforms.Resize(side)
    one_by_one = torch.stack(
        [
            v2.functional.pil_to_tensor(resize(v2.functional.to_pil_image(x)))
            for x in garments
        ]
    )
    by_batch = preprocess(side, side, mean=[0.0], std=[1.0])(garments) * 255
    return int((one_by_one - by_batch.round()).abs().max())


def without_dropout(model: nn.Module) -> nn.Module:
    """A copy whose training draws no random numbers."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def step_apart(model: nn.Module, images: DeviceLoader) -> dict[str, float]:
    """One optimizer step in the plain and in the library's way, compared.

    From the same weights and the same first batch; gives the differences
    of the losses and, the largest, of the weights afterwards.
    """
    plain = without_dropout(model)
    fast = without_dropout(model).to(memory_format=torch.channels_last)
    usual_batch, labels = next(iter(UsualLayout(images)))
    batch, _ = next(iter(images))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.01)
    plain_loss = criterion(plain(usual_batch), labels)
    plain_loss.backward()
    optimizer.step()
    fused = torch.optim.SGD(fast.parameters(), lr=0.01, fused=True)
    state = engine.TrainState(fast, fused)
    with quiet():
        fast_loss = engine.train_one_epoch(state, [(batch, labels)], criterion)
    return {
        "loss": abs(plain_loss.item() - fast_loss["loss"]),
        "weights": max(
            (a - b).abs().max().item()
            for a, b in zip(plain.parameters(), fast.parameters(), strict=True)
        ),
    }


def accuracies(model: nn.Module, images: DeviceLoader) -> tuple[float, float]:
    """Post 1's evaluation and the library's, of the same images."""
    plain, fast = copy.deepcopy(model), copy.deepcopy(model)
    fast = fast.to(memory_format=torch.channels_last)
    with quiet():
        found = engine.evaluate(fast, images, nn.CrossEntropyLoss())
    usual = evaluate_accuracy(plain, UsualLayout(images), images.device)
    return usual, found["accuracy"]


def equality(
    model: nn.Module, side: int, count: int, device: torch.device
) -> dict:
    """All that must hold before a speed is worth measuring."""
    garments = data.drawn_fashion().test.first(count)
    loader = DeviceLoader(
        Batches([part.to(device) for part in garments], 32),
        preprocess(side, side, **NORMAL),
        device,
    )
    step = step_apart(model, loader)
    usual, fast = accuracies(model, loader)
    return {
        "pixels_apart": pixels_apart(garments.images, side),
        "loss_apart": step["loss"],
        "weights_apart": step["weights"],
        "accuracy_post_1": usual,
        "accuracy_library": fast,
    }


def broken(found: dict) -> list[str]:
    """What of `equality` does not hold, a sentence each."""
    faults = []
    if found["pixels_apart"]:
        faults.append(
            f"the batch's pixels are up to {found['pixels_apart']} of 255 "
            "away from PIL's"
        )
    for name in ("loss", "weights"):
        apart = found[f"{name}_apart"]
        if not apart <= TOLERANCE:
            faults.append(f"after one step the {name} differ by {apart:.1e}")
    if found["accuracy_post_1"] != found["accuracy_library"]:
        faults.append(
            f"the accuracies differ: {found['accuracy_post_1']} and "
            f"{found['accuracy_library']}"
        )
    return faults


class CountWaits(TorchDispatchMode):
    """Counts how often a tensor becomes a Python number.

    Each time, the program waits until the device has caught up. In
    inference mode PyTorch names the operation otherwise.
    """

    count = 0
    numbers = {
        torch.ops.aten._local_scalar_dense.default,
        torch.ops.aten.item.default,
    }

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation in self.numbers:
            self.count += 1
        return operation(*args, **(kwargs or {}))


def count_of(model: nn.Module, epoch: Callable) -> dict:
    """What one epoch does, counted without a clock.

    Each forward pass is noted: with gradients it is a step of training,
    without them a batch of an evaluation.
    """
    passes = []

    def note(module: nn.Module, inputs: tuple) -> None:
        learns = torch.is_grad_enabled()
        passes.append((learns, module.training, len(inputs[0])))

    handle = model.register_forward_pre_hook(note)
    with quiet(), CountWaits() as waits:
        epoch()
    handle.remove()
    kinds = [learns for learns, _, _ in passes]
    starts = zip([True, *kinds], kinds, strict=False)
    return {
        "steps": sum(kinds),
        "evaluations": sum(before and not now for before, now in starts),
        "images_trained": sum(n for learns, _, n in passes if learns),
        "images_evaluated": sum(n for learns, _, n in passes if not learns),
        "modes": [mode for learns, mode, _ in passes if learns],
        "mode_after": model.training,
        "waits": waits.count,
    }


def counts(model: nn.Module, side: int) -> dict[str, dict]:
    """The counts of the three loops, on a few drawn garments, on the CPU."""
    garments = data.drawn_fashion()
    prepare = preprocess(side, side, **NORMAL)
    train: Iterable = DeviceLoader(
        Batches(garments.train.first(12), 4), prepare
    )
    test = DeviceLoader(Batches(garments.test.first(8), 4), prepare)
    cpu = torch.device("cpu")

    def post_1(each_step: bool) -> dict:
        net = copy.deepcopy(model)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        return count_of(
            net,
            lambda: post_1_epoch(net, train, test, optimizer, cpu, each_step),
        )

    def library() -> dict:
        net = copy.deepcopy(model)
        state = engine.TrainState(
            net, torch.optim.SGD(net.parameters(), lr=0.01)
        )
        return count_of(net, lambda: engine.fit(state, train, test, 1))

    return {
        "post 1, as it behaves": post_1(True),
        "evaluation once an epoch": post_1(False),
        "the library": library(),
    }
