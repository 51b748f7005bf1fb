"""The training loop."""

import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from tqdm import tqdm


def pick_device() -> torch.device:
    """The accelerator of this machine, or its CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def progress(loader: Iterable, name: str) -> Iterable:
    """`loader` with a progress bar that shows no speed, only the way."""
    bar = "{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt}"
    return tqdm(loader, desc=name, file=sys.stdout, bar_format=bar)


class Tally:
    """Sums of loss and correct answers, left on the device until asked."""

    def __init__(self, device: torch.device | str):
        self.loss = torch.zeros((), device=device)
        self.correct = torch.zeros((), device=device, dtype=torch.long)
        self.finite = torch.zeros((), device=device, dtype=torch.long)
        self.count = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count one batch; `loss` is its mean, weighted by its size."""
        # Not in place: losses of float64 are summed as such
        self.loss = self.loss + loss.detach() * len(labels)
        self.finite += self.loss.isfinite()  # never again after the first
        # In place: labels of another shape are an error, not broadcast
        self.correct += logits.argmax(dim=1).eq_(labels).sum()
        self.count += len(labels)

    def means(self) -> dict[str, float]:
        """Mean loss and accuracy of all that was added."""
        if self.count == 0:
            raise ValueError("the loader gave no batch: is its data empty?")
        loss = self.loss.item() / self.count
        if not math.isfinite(loss):
            step = self.finite.item() + 1
            raise FloatingPointError(f"the loss is {loss} from step {step} on")
        return {
            "loss": loss,
            "accuracy": self.correct.item() / self.count,
        }


@dataclass
class TrainState:
    """All that changes during training, to be saved and resumed.

    What a run does not use, a schedule or mixed precision, is there and
    does nothing. `scheduler` moves once per batch.
    """

    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler | None = None
    scaler: GradScaler | None = None
    autocast: torch.autocast | None = None
    history: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self):
        device = next(self.model.parameters()).device.type
        self.scheduler = self.scheduler or LambdaLR(
            self.optimizer, lambda step: 1.0
        )
        self.scaler = self.scaler or GradScaler(device, enabled=False)
        self.autocast = self.autocast or torch.autocast(device, enabled=False)

    def state_dict(self) -> dict:
        """Everything that `torch.save` has to keep."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "scaler": self.scaler.state_dict(),
            "history": self.history,
        }

    def load_state_dict(self, saved: dict) -> None:
        """Go on from what `state_dict` gave."""
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.scheduler.load_state_dict(saved["scheduler"])
        self.scaler.load_state_dict(saved["scaler"])
        self.history = list(saved["history"])


def train_one_epoch(
    state: TrainState, loader: Iterable, criterion: nn.Module
) -> dict[str, float]:
    """Learn from every batch once; mean loss and accuracy on the way."""
    model, scaler = state.model, state.scaler
    tally = Tally(next(model.parameters()).device)
    model.train()
    for images, labels in progress(loader, "train"):
        with state.autocast:
            logits = model(images)
            loss = criterion(logits, labels)
        state.optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(state.optimizer)
        scaler.update()
        state.scheduler.step()
        tally.add(loss, logits, labels)
    return tally.means()


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    loader: Iterable,
    criterion: nn.Module,
    autocast: torch.autocast | None = None,
) -> dict[str, float]:
    """Mean loss and accuracy over all of `loader`, without learning.

    The model is left in the mode, train or eval, in which it came.
    """
    device = next(model.parameters()).device
    autocast = autocast or torch.autocast(device.type, enabled=False)
    tally = Tally(device)
    mode = model.training
    model.eval()
    for images, labels in progress(loader, "evaluate"):
        with autocast:
            logits = model(images)
            loss = criterion(logits, labels)
        tally.add(loss, logits, labels)
    model.train(mode)
    return tally.means()


Callback = Callable[[TrainState], bool | None]


def fit(
    state: TrainState,
    train_loader: Iterable,
    val_loader: Iterable,
    epochs: int,
    callbacks: Iterable[Callback] = (),
    criterion: nn.Module | None = None,
    seed: int = 0,
) -> list[dict[str, float]]:
    """Train until `epochs` epochs are done, counting those of `state`.

    After each epoch every callback sees `state`; one that returns True
    ends the training. The history has one row per epoch.
    """
    criterion = criterion or nn.CrossEntropyLoss()
    for epoch in range(len(state.history) + 1, epochs + 1):
        start = time.perf_counter()
        # A resumed run draws the random numbers an unbroken one would
        torch.manual_seed(seed + 1000 * epoch)
        lr = state.optimizer.param_groups[0]["lr"]
        part = "training"
        try:
            train = train_one_epoch(state, train_loader, criterion)
            part = "validation"
            val = evaluate(state.model, val_loader, criterion, state.autocast)
        except FloatingPointError as error:
            raise FloatingPointError(
                f"in the {part} of epoch {epoch}, {error}: try a learning "
                f"rate below {lr:g}"
            ) from error
        row = {"epoch": epoch, "lr": lr}
        row |= {f"train_{name}": value for name, value in train.items()}
        row |= {f"val_{name}": value for name, value in val.items()}
        if state.scaler.is_enabled():  # halved by each step that overflowed
            row["loss_scale"] = state.scaler.get_scale()
        row["seconds"] = time.perf_counter() - start
        state.history.append(row)
        stops = [callback(state) for callback in callbacks]  # run them all
        if any(stops):
            break
    return state.history


def print_epoch(state: TrainState) -> None:
    """A callback: one line per epoch."""
    row = state.history[-1]
    print(
        f"epoch {row['epoch']:2d}: train loss {row['train_loss']:.3f}, "
        f"accuracy {row['train_accuracy']:.3f}; val loss "
        f"{row['val_loss']:.3f}, accuracy {row['val_accuracy']:.3f}"
    )


def stop_early(patience: int, metric: str = "val_accuracy") -> Callback:
    """A callback: end when `metric` last improved `patience` epochs ago."""

    def stop(state: TrainState) -> bool:
        scores = [row[metric] for row in state.history]
        return len(scores) - 1 - scores.index(max(scores)) >= patience

    return stop


def best_epoch(
    history: list[dict[str, float]], metric: str = "val_accuracy"
) -> dict[str, float]:
    """The row of the first epoch in which `metric` was highest."""
    return max(history, key=lambda row: row[metric])
