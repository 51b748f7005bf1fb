"""Losses that are not finite, labels that do not fit, numbers cut off."""

import gzip
import io
import random
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from alexnet_lib import data, engine
from alexnet_lib.batches import Batches
from alexnet_lib.checkpoint import keep_last_and_best

from . import Outcome

NAME = "numbers"
PROMISE = (
    "Training that diverges stops and says at which step, labels and arrays "
    "that do not fit are refused, and every mean is that of all images."
)
SMALL, FULL = 60, 3000
BAD = {"NaN": torch.nan, "infinity": torch.inf, "-infinity": -torch.inf}
Batch = tuple[Tensor, Tensor]


def refused(
    fault: str, call: Callable[[], object], kind: type, *words: str
) -> Outcome:
    """Whether `call` ends with one line of that kind, with these words."""
    try:
        found = call()
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        fits = isinstance(error, kind) and "\n" not in detail
        return Outcome(fault, fits and all(w in detail for w in words), detail)
    return Outcome(fault, False, f"no error, but {found}")


def network(lr: float = 0.1, classes: int = 3) -> engine.TrainState:
    """The smallest network that learns from images of 2 x 2 pixels."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, classes))
    return engine.TrainState(model, torch.optim.SGD(model.parameters(), lr))


def batches(count: int, size: int = 4) -> list[Batch]:
    """As many batches of random images and labels of three classes."""
    return [
        (torch.randn(size, 1, 2, 2), torch.randint(3, (size,)))
        for _ in range(count)
    ]


class Poisoned:
    """Batches; in one step of one pass, one number of an image is another."""

    def __init__(self, count: int, epoch: int, step: int, value: float):
        self.batches, self.place = batches(count), (epoch, step)
        self.value, self.passes = value, 0

    def __iter__(self) -> Iterator[Batch]:
        self.passes += 1
        for step, (images, labels) in enumerate(self.batches, 1):
            if (self.passes, step) == self.place:
                images = images.index_fill(
                    3, torch.tensor(1), torch.tensor(self.value)
                )
            yield images, labels


def bad_loss(folder: Path, rng: random.Random) -> Outcome:
    """A loss that is not finite, somewhere in a run that keeps files."""
    kind, part = rng.choice(list(BAD)), rng.choice(["training", "validation"])
    count, epoch = rng.randint(1, 5), rng.randint(1, 3)
    step = rng.randint(1, count)
    loaders = batches(count), Poisoned(count, epoch, step, BAD[kind])
    if part == "training":
        loaders = loaders[::-1]
    state, kept = network(), [None]
    last = folder / "last.pt"
    last.unlink(missing_ok=True)
    found = refused(
        f"{kind} in step {step} of {count} of the {part} of epoch {epoch}",
        lambda: engine.fit(
            state,
            *loaders,
            epochs=4,
            callbacks=[
                keep_last_and_best(folder, {}),
                lambda state: kept.append(last.read_bytes()),
            ],
        ),
        FloatingPointError,
        f"in the {part} of epoch {epoch}, ",
        f"from step {step} on: try a learning rate below 0.1",
    )
    now = last.read_bytes() if last.exists() else None
    if not len(state.history) == len(kept) - 1 == epoch - 1:
        return found._replace(survived=False, detail="a broken row was kept")
    if now != kept[-1]:
        return found._replace(survived=False, detail="last.pt has changed")
    return found


def overflow(folder: Path, rng: random.Random) -> Outcome:
    """Gradients that float16 cannot hold; see GradScaler."""
    exponent, count = rng.randint(10, 40), rng.randint(1, 6)
    state, taken = network(), []
    state.scaler = GradScaler("cpu", 2.0**exponent)
    state.autocast = torch.autocast("cpu", torch.float16)
    state.optimizer.register_step_post_hook(lambda *_: taken.append(1))
    (row,) = engine.fit(state, batches(count), batches(1), 1)
    skipped = count - len(taken)
    fault = f"loss scale 2**{exponent}: {skipped} of {count} steps overflowed"
    if not all(w.isfinite().all() for w in state.model.parameters()):
        return Outcome(fault, False, "a weight is not finite")
    if row.get("loss_scale") != 2.0 ** (exponent - skipped):
        return Outcome(fault, False, f"the history has {row}")
    later = network()
    later.scaler = GradScaler("cpu")
    later.load_state_dict(state.state_dict())
    scale = later.scaler.get_scale()
    return Outcome(
        fault, scale == row["loss_scale"], f"resumed with scale {scale}"
    )


def idx(array: Tensor) -> bytes:
    """An IDX file of bytes."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.dim()]) + sizes + array.numpy().tobytes()


def drawn_array(rng: random.Random) -> Tensor:
    """Bytes of any shape, one of each dimension at least."""
    shape = [rng.randint(1, 5) for _ in range(rng.randint(1, 5))]
    return torch.randint(256, shape, dtype=torch.uint8)


def damaged_array(folder: Path, rng: random.Random) -> Outcome:
    """An IDX file, gzipped or not, cut, lengthened or with a changed byte."""
    array, packed = drawn_array(rng), rng.random() < 0.5
    content = bytearray(idx(array))
    header = len(content) - prod(array.shape)
    if packed:
        content = bytearray(gzip.compress(content, mtime=0))
        header = len(content)
    kind = rng.choice(["cut", "lengthened", "changed"])
    place = rng.randrange(header if kind == "changed" else len(content))
    if kind == "cut":
        del content[place:]
    elif kind == "lengthened":
        content += bytes(1 + place)
    else:
        content[place] ^= rng.randint(1, 255)
    path = folder / ("array.gz" if packed else "array")
    path.write_bytes(content)
    fault = f"{kind} at byte {place}, {path.name} of {tuple(array.shape)}"
    try:
        read = data.read_idx(path)
    except Exception:
        return refused(
            fault,
            lambda: data.read_idx(path),
            ValueError,
            f"{path} is not a whole IDX file",
        )
    # Some bytes of gzip's frame say nothing of the content
    same = packed and read.shape == array.shape and read.equal(array)
    return Outcome(fault, same, "read as it was" if same else "read wrong")


UNFIT = {
    "a label 12": lambda images, labels, n: (
        images,
        labels.index_fill(0, torch.tensor(n), 12),
    ),
    "fewer labels": lambda images, labels, n: (images, labels[:n]),
    "fewer images": lambda images, labels, n: (images[:n], labels),
    "flat images": lambda images, labels, n: (images.flatten(1), labels),
    "labels in a column": lambda images, labels, n: (images, labels[:, None]),
}


def wrong_garments(folder: Path, rng: random.Random) -> Outcome:
    """The four files of Fashion-MNIST, of which one does not fit."""
    counts = {"train": rng.randint(2, 40), "t10k": rng.randint(2, 40)}
    part, kind = rng.choice([*counts]), rng.choice([*UNFIT])
    arrays = {
        name: (
            torch.randint(256, (count, 28, 28), dtype=torch.uint8),
            torch.randint(10, (count,), dtype=torch.uint8),
        )
        for name, count in counts.items()
    }
    kept = rng.randint(1, counts[part] - 1)
    arrays[part] = UNFIT[kind](*arrays[part], kept)
    for name, pair in arrays.items():
        for array, of in zip(
            pair, ("images-idx3", "labels-idx1"), strict=True
        ):
            (folder / f"{name}-{of}-ubyte").write_bytes(idx(array))
    return refused(
        f"{kind} in the {part} files of {counts[part]} garments",
        lambda: data.fashion_mnist(folder),
        ValueError,
        part,
        "label 12" if kind == "a label 12" else "of shape",
        "again",
    )


def unfit_labels(folder: Path, rng: random.Random) -> Outcome:
    """Labels in memory that are no classes of their images."""
    count = rng.randint(2, 9)
    images, labels = torch.randn(count, 1, 2, 2), torch.randint(3, (count,))
    place = rng.randrange(count)
    too_large, below = labels.clone(), labels.clone()
    too_large[place] = rng.randint(3, 1000)
    below[place] = rng.choice([-1, -100, -1000])
    kind, pair = rng.choice(
        [
            ("a label too large", (images, too_large)),
            ("a label below 0", (images, below)),
            ("too few labels", (images, labels[:place])),
            ("too few images", (images[:place], labels)),
            ("one column for each class", (images, labels[:, None] == 0)),
            ("no image", (images[:0], labels[:0])),
            ("labels that are not whole", (images, labels / 2)),
        ]
    )
    raised = {
        "a label too large": (IndexError, "out of bounds"),
        "labels that are not whole": (RuntimeError, "Long or Byte"),
    }.get(kind, (ValueError, "each image"))
    model = network().model
    return refused(
        f"{kind}, {count} images",
        lambda: engine.evaluate(
            model, Batches(pair, 4), nn.CrossEntropyLoss()
        ),
        *raised,
    )


def uneven_batches(folder: Path, rng: random.Random) -> Outcome:
    """Images cut into batches at random places, the last of one image."""
    count = rng.randint(2, 40)
    images = torch.randn(count, 1, 2, 2, dtype=torch.double)
    labels = torch.randint(3, (count,))
    model = network().model.double()
    cuts = rng.sample(range(1, count), rng.randint(0, count - 1))
    places = sorted({*cuts, 0, count - 1, count})
    parts = [
        (images[start:end], labels[start:end])
        for start, end in zip(places, places[1:], strict=False)
    ]
    whole, cut = (
        engine.evaluate(model, loader, nn.CrossEntropyLoss())
        for loader in ([(images, labels)], parts)
    )
    same = (
        abs(whole["loss"] - cut["loss"]) < 1e-12
        and whole["accuracy"] == cut["accuracy"]
    )
    fault = f"{count} images in {len(parts)} uneven batches"
    return Outcome(fault, same, f"{cut}, all at once {whole}")


FAULTS = (
    bad_loss,
    overflow,
    damaged_array,
    wrong_garments,
    unfit_labels,
    uneven_batches,
)


def outcomes(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """Each of `FAULTS` in turn, drawn anew, until `count` are tried."""
    with torch.random.fork_rng(devices=[]):
        for number in range(count):
            torch.manual_seed(rng.randrange(2**32))
            with redirect_stdout(io.StringIO()):
                found = FAULTS[number % len(FAULTS)](folder, rng)
            yield found
