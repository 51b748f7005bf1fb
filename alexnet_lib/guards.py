"""What stands between a file from a stranger and this process."""

import io
import os
import pickletools
import re
import reprlib
import zipfile
from pathlib import Path

import torch
from torch.optim import Optimizer

from .model import ARCHITECTURES

# All that a pickle of tensors, numbers, strings, lists and dictionaries
# needs. PyTorch allows more: bytearray(10**12) would fill the memory.
NEEDED = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_(tensor_v2|parameter)"
    r"|torch \w+Storage"
)


class CheckpointError(ValueError):
    """A file that is no checkpoint of this library, or not a fitting one."""


def checked_copy(path: str | Path) -> io.BytesIO:
    """The archive that `torch.save` wrote, in memory, each part checked.

    It is a zip archive: for each tensor a part, not compressed, with a
    checksum (CRC-32), which `torch.load` passes over. In a forged archive
    it may find other parts than `zipfile`; in this copy it cannot.
    """
    copy = io.BytesIO()
    try:
        with (
            zipfile.ZipFile(path) as archive,
            zipfile.ZipFile(copy, "w") as checked,
        ):
            entries = archive.infolist()
            packed = any(entry.compress_type for entry in entries)
            unpacked = sum(entry.file_size for entry in entries)
            if packed or unpacked > os.path.getsize(path):
                raise CheckpointError(
                    f"{path} is a packed archive, which torch.save does not "
                    "write: it is refused, it could fill the memory"
                )
            for entry in entries:
                part = archive.read(entry)  # fails where a checksum is wrong
                if entry.filename.lower().endswith("data.pkl"):
                    check_imports(part, path)
                checked.writestr(entry.filename, part)
    except CheckpointError:
        raise
    except Exception as error:  # damaged files raise errors of many kinds
        raise CheckpointError(
            f"{path} is damaged, or no file of torch.save (PyTorch 1.6 or "
            f"newer): copy it again from where it came ({error!s:.99})"
        ) from error
    copy.seek(0)
    return copy


def check_imports(pickled: bytes, path: str | Path) -> None:
    """Refuse a pickle that calls for more; it is parsed, not executed."""
    imports = dict.fromkeys(
        name or "code"
        for step, name, _ in pickletools.genops(pickled)
        if step.name in ("GLOBAL", "INST", "STACK_GLOBAL")
    )
    if strange := [name for name in imports if not NEEDED.fullmatch(name)]:
        names = ", ".join(name.replace(" ", ".")[:60] for name in strange[:2])
        more = f" and {len(strange) - 2} more" if len(strange) > 2 else ""
        raise CheckpointError(
            f"{path} is refused: loading it would run {names}{more}. Whoever "
            "made it should save model.state_dict(), not the model"
        )


def load_file(path: str | Path, device: torch.device | str = "cpu") -> object:
    """What `torch.save` put into a file, checked, with nothing executed."""
    if not os.path.isfile(path):
        raise CheckpointError(f"no checkpoint at {path}: train one first")
    copy = checked_copy(path)
    try:
        return torch.load(copy, map_location=device, weights_only=True)
    except Exception as error:
        raise CheckpointError(
            f"{path} cannot be read: it holds no tensors and numbers"
        ) from error


def check_card(card: dict, path: str | Path) -> None:
    """Refuse a card that lacks what prediction needs, or asks too much."""
    kinds = {
        "arch": str,
        "arguments": dict,
        "classes": list,
        "image": dict,
        "preprocess": dict,
    }
    for name, kind in kinds.items():
        if not isinstance(card.get(name), kind):
            raise CheckpointError(
                f"the card in {path} has no {name}, or not as {kind.__name__}"
            )
    if card["arch"] not in ARCHITECTURES:
        raise CheckpointError(
            f"{path} holds the network {reprlib.repr(card['arch'])}: known "
            "are " + ", ".join(ARCHITECTURES)
        )
    if not all(isinstance(name, str) for name in card["classes"]):
        raise CheckpointError(f"the card in {path} has classes without names")
    names = {
        "image": {"side": None, "channels": 3},
        "preprocess": dict.fromkeys(("resize", "crop", "mean", "std")),
    }
    channels = card["image"].get("channels", 3)
    for part, usual in names.items():
        for name, value in {**usual, **card[part]}.items():
            if name not in usual or not is_usual(name, value, channels):
                raise CheckpointError(
                    f"the card in {path} has the {part} {name} "
                    f"{reprlib.repr(value):.99}: sides are 1 to 4096, "
                    "channels 1 or 3, mean and std as many numbers to 255"
                )


def is_usual(name: str, value: object, channels: object) -> bool:
    """Whether a card may hold this for the images or their preparation."""
    if name in ("mean", "std"):
        return (
            isinstance(value, list | tuple)
            and len(value) == channels
            and all(isinstance(number, int | float) for number in value)
            and all(0 <= number <= 255 for number in value)
            and (name == "mean" or all(value))
        )
    if not isinstance(value, int):
        return False
    return value in (1, 3) if name == "channels" else 0 < value <= 4096


def check_weights(weights: dict, path: str | Path) -> None:
    """Refuse weights larger than their file, and complex ones."""
    size = sum(weight.nbytes for weight in weights.values())
    if size > os.path.getsize(path):
        raise ValueError("they are larger than the file")
    if any(weight.is_complex() for weight in weights.values()):
        raise ValueError("they are complex numbers")


def alike(found: object, ours: object) -> bool:
    """Whether both are built of the same names, kinds and counts."""
    if isinstance(ours, dict):
        return found.keys() == ours.keys() and all(
            alike(found[name], ours[name]) for name in ours
        )
    if isinstance(ours, list | tuple):
        return len(found) == len(ours) and all(map(alike, found, ours))
    number = int | float
    return (
        ours is None
        or type(found) is type(ours)
        or (isinstance(found, number) and isinstance(ours, number))
    )


def check_run(saved: dict, ours: dict) -> None:
    """Refuse what is not built as the state of this run is."""
    groups = [run["optimizer"]["param_groups"] for run in (saved, ours)]
    parts = [(saved[name], ours[name]) for name in ("scheduler", "scaler")]
    if not all(alike(*pair) for pair in (groups, *parts)):
        raise ValueError("its parts are others")
    for row in saved["history"]:
        if not all(isinstance(value, int | float) for value in row.values()):
            raise ValueError("its history is none of numbers")


def check_optimizer(optimizer: Optimizer) -> None:
    """Refuse what is kept for a weight but has another size than it.

    A fused step would read and write beyond its end.
    """
    for weight, kept in optimizer.state.items():
        for name, value in kept.items():
            shape = () if name == "step" else weight.shape
            if value is not None and (
                value.shape != shape
                or value.untyped_storage().nbytes() < value.nbytes
            ):
                raise ValueError(f"{name} has the shape {value.shape}")
