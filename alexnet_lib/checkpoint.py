"""Saving a run and picking it up again.

A checkpoint is one dictionary of tensors, numbers, strings, lists and
dictionaries, so that `torch.load(weights_only=True)` reads it. Beside the
weights it holds a card: all that prediction needs to know.
"""

import os
from pathlib import Path

import torch

from .engine import Callback, TrainState, best_epoch
from .model import ARCHITECTURES, AlexNet

# A narrow AlexNet, trained on real photos of five kinds of flowers
TRAINED = Path(__file__).parent / "trained" / "flowers.pt"


class CheckpointError(ValueError):
    """A file that is no checkpoint of this library, or not a fitting one."""


def save_file(content: dict, path: str | Path) -> None:
    """Write `content` whole or not at all.

    A crash at any moment leaves the old file or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(
    path: str | Path, device: torch.device | str = "cpu"
) -> dict:
    """The content of a checkpoint, with its tensors on `device`."""
    if not Path(path).is_file():
        raise CheckpointError(f"no checkpoint at {path}: train one first")
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged files raise errors of many kinds
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint: it is damaged, or of "
            f"another kind ({type(error).__name__})"
        ) from error
    if not isinstance(saved, dict) or not {"card", "model"} <= set(saved):
        raise CheckpointError(
            f"{path} has no card: save it with alexnet_lib.checkpoint, or "
            "load it with torch.load"
        )
    return saved


def resume(path: str | Path, state: TrainState, card: dict) -> None:
    """Continue from the checkpoint at `path`, made with the same card."""
    saved = load_checkpoint(path)
    for name, value in card.items():
        if saved["card"].get(name) != value:
            raise CheckpointError(
                f"{path} was made with {name} {saved['card'].get(name)!r}, "
                f"not {value!r}: resume with that, or use another folder"
            )
    if "optimizer" not in saved:
        raise CheckpointError(
            f"{path} keeps the network alone, for prediction: resume from "
            "last.pt"
        )
    state.load_state_dict(saved)


def keep_last_and_best(
    folder: str | Path, card: dict, metric: str = "val_accuracy"
) -> Callback:
    """A callback: keep the last epoch in last.pt, the best in best.pt.

    `last.pt` can be resumed; `best.pt` holds only what prediction needs.
    """

    def save(state: TrainState) -> None:
        content = {"card": card, **state.state_dict()}
        # First the best: if the run dies in between, the epoch is redone
        if best_epoch(state.history, metric) is state.history[-1]:
            kept = {
                name: content[name] for name in ("card", "model", "history")
            }
            save_file(kept, Path(folder, "best.pt"))
        save_file(content, Path(folder, "last.pt"))

    return save


def load_model(
    path: str | Path, device: torch.device | str = "cpu"
) -> tuple[AlexNet, dict]:
    """The trained network of a checkpoint, ready to use, and its card.

    A card is {"arch": name, "arguments": of its builder, "classes": names,
    "image": arguments of `data.read_image`, "preprocess": arguments of
    `batches.preprocess`}; what else it holds says how the run was made.
    """
    saved = load_checkpoint(path, device)
    card = saved["card"]
    if card.get("arch") not in ARCHITECTURES:
        raise CheckpointError(
            f"{path} holds the network {card.get('arch')!r}: known are "
            + ", ".join(ARCHITECTURES)
        )
    model = ARCHITECTURES[card["arch"]](**card["arguments"])
    try:
        model.load_state_dict(saved["model"])
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights in {path} do not fit {card['arch']}: "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error
    return model.to(device).eval(), card
