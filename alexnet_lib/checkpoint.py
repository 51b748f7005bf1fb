"""Saving a run and picking it up again.

A checkpoint is one dictionary of tensors, numbers, strings, lists and
dictionaries, so that `torch.load(weights_only=True)` reads it. Beside the
weights it holds a card: all that prediction needs to know.
"""

import os
import reprlib
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from .engine import Callback, TrainState, best_epoch
from .guards import (
    CheckpointError,
    check_card,
    check_optimizer,
    check_run,
    check_weights,
    load_file,
)
from .model import ARCHITECTURES, AlexNet

# A narrow AlexNet, trained on real photos of five kinds of flowers
TRAINED = Path(__file__).parent / "trained" / "flowers.pt"


def save_file(content: dict, path: str | Path) -> None:
    """Write `content` whole or not at all.

    A crash at any moment, or a full disk, leaves the old file or the new
    one. Where `path` is a link, what it leads to is written.
    """
    target = Path(path).resolve()
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except (OSError, RuntimeError) as error:  # PyTorch may wrap the first
        reason = getattr(error.__context__ or error, "strerror", None)
        raise OSError(
            f"cannot write {path} ({reason or 'is the disk full?'}): what "
            "was there before is whole"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(
    path: str | Path, device: torch.device | str = "cpu"
) -> dict:
    """The content of a checkpoint, with its tensors on `device`."""
    saved = load_file(path, device)
    if not isinstance(saved, dict):
        raise CheckpointError(f"{path} holds no dictionary, but {type(saved)}")
    if not all(isinstance(saved.get(n), dict) for n in ("card", "model")):
        names = ", ".join(map(reprlib.repr, list(saved)[:2]))
        raise CheckpointError(
            f"{path} has no card that says which network it belongs to; it "
            f"holds {names:.99} ... To fill a network of your own with "
            "weights, use alexnet_lib.checkpoint.load_weights"
        )
    return saved


def load_weights(path: str | Path, model: nn.Module) -> None:
    """Fill `model` with the bare weights in a file, whatever their names.

    They are taken in their order, which is that of the layers. Each must
    have the kind, weight or bias, and the shape of its counterpart; else
    nothing is loaded.
    """
    saved = load_file(path)
    ours = model.state_dict()
    count = len(saved) if isinstance(saved, dict) else 0
    if count != len(ours):
        raise CheckpointError(
            f"{path} holds {count} entries, the network {len(ours)} tensors: "
            "these are not its weights alone"
        )
    for (name, tensor), (other, found) in zip(
        ours.items(), saved.items(), strict=True
    ):
        kind = name.rpartition(".")[2]
        shape = getattr(found, "shape", None)
        if (
            str(other).rpartition(".")[2] != kind
            or shape != tensor.shape
            or not found.is_floating_point()
        ):
            raise CheckpointError(
                f"{other!s:.99} in {path}, of shape {tuple(shape or ())}, is "
                f"not {name} of the network, real numbers of shape "
                f"{tuple(tensor.shape)}: nothing loaded"
            )
    model.load_state_dict(dict(zip(ours, saved.values(), strict=True)))


def resume(path: str | Path, state: TrainState, card: dict) -> None:
    """Continue from the checkpoint at `path`, made with the same card."""
    saved = load_checkpoint(path)
    for name, value in card.items():
        if saved["card"].get(name) != value:
            theirs = reprlib.repr(saved["card"].get(name))
            raise CheckpointError(
                f"{path} was made with {name} {theirs:.99}, not {value!r}: "
                "resume it as it was made, or start in another folder"
            )
    if "optimizer" not in saved:
        raise CheckpointError(
            f"{path} keeps the network alone, for prediction: resume from "
            "last.pt"
        )
    try:
        check_run(saved, state.state_dict())
        state.load_state_dict(saved)
        check_optimizer(state.optimizer)
    except Exception as error:
        raise CheckpointError(
            f"{path} does not fit this run ({type(error).__name__}): it was "
            "changed by hand, or by another version; start anew"
        ) from error


def keep_last_and_best(
    folder: str | Path, card: dict, metric: str = "val_accuracy"
) -> Callback:
    """A callback: keep the last epoch in last.pt, the best in best.pt.

    `last.pt` can be resumed; `best.pt` holds only what prediction needs.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)

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
    card, weights = saved["card"], saved["model"]
    check_card(card, path)
    channels = card["image"].get("channels", 3)
    side = card["preprocess"]["crop"]
    try:
        for wrapper in ("_orig_mod.", "module.", "_orig_mod."):  # compile, DDP
            consume_prefix_in_state_dict_if_present(weights, wrapper)
        with torch.device("meta"):  # no memory yet, whatever the card says
            model = ARCHITECTURES[card["arch"]](**card["arguments"]).eval()
            outputs = model(torch.empty(1, channels, side, side)).shape[1]
        check_weights(weights, path)
        model.load_state_dict(weights, assign=True)
    except Exception as error:
        reason = str(error).rpartition("\n\t")[2].partition("\n")[0][:200]
        raise CheckpointError(
            f"the weights in {path} do not fit {card['arch']}: {reason}"
        ) from error
    if outputs != len(card["classes"]):
        raise CheckpointError(
            f"the network in {path} has {outputs} outputs, its card "
            f"{len(card['classes'])} classes"
        )
    return model.to(device, torch.get_default_dtype()), card
