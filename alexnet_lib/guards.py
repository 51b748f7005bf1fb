"""What stands between a file from a stranger and this process."""

import os
import zipfile
from pathlib import Path
from typing import IO

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from .model import ARCHITECTURES


class CheckpointError(ValueError):
    """A file that is no checkpoint of this library, or not a fitting one."""


def check_archive(file: IO[bytes], path: str | Path) -> None:
    """Refuse what `torch.save` did not write, or what changed since then.

    It writes a zip archive: for each tensor a file, not compressed, with a
    checksum (CRC-32), which `torch.load` passes over.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            packed = any(entry.compress_type for entry in entries)
            unpacked = sum(entry.file_size for entry in entries)
            if packed or unpacked > os.fstat(file.fileno()).st_size:
                raise CheckpointError(
                    f"{path} is a packed archive, which torch.save does not "
                    "write: it is refused, it could fill the memory"
                )
            damaged = archive.testzip()
    except CheckpointError:
        raise
    except Exception as error:  # damaged files raise errors of many kinds
        raise CheckpointError(
            f"{path} is no file of torch.save, or not a whole one: copy it "
            f"again from where it came ({type(error).__name__})"
        ) from error
    if damaged:
        raise CheckpointError(
            f"{path} has changed since it was saved: the checksum of its "
            f"part {damaged} is wrong; copy it again from where it came"
        )


def load_file(path: str | Path, device: torch.device | str = "cpu") -> object:
    """What `torch.save` put into a file, checked, with nothing executed."""
    if not Path(path).is_file():
        raise CheckpointError(f"no checkpoint at {path}: train one first")
    with open(path, "rb") as file:
        check_archive(file, path)
        file.seek(0)
        try:
            return torch.load(file, map_location=device, weights_only=True)
        except Exception as error:
            code = code_in(file)
            raise CheckpointError(
                f"{path} is refused: loading it would run {code}. Save "
                "model.state_dict(), not the model, where it was made"
                if code
                else f"{path} cannot be read: it holds no tensors and numbers"
            ) from error


def code_in(file: IO[bytes]) -> str:
    """The names that a file would import; it is parsed, not executed."""
    file.seek(0)
    try:
        return ", ".join(sorted(get_unsafe_globals_in_checkpoint(file))[:3])
    except Exception:
        return ""


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
            f"{path} holds the network {card['arch']!r}: known are "
            + ", ".join(ARCHITECTURES)
        )
    for name, value in {**card["image"], **card["preprocess"]}.items():
        if isinstance(value, int) and not 0 < value <= 4096:
            raise CheckpointError(
                f"the card in {path} has {name} {value}: 1 to 4096 is usual"
            )
