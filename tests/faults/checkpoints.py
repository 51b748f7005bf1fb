"""Checkpoints from anywhere: cut, changed, forged, or of another kind."""

import importlib
import io
import json
import os
import pickle
import random
import runpy
import struct
import subprocess
import sys
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from alexnet_lib import checkpoint, engine, model
from tests.conftest import ROOT, load
from tests.faults import Outcome

NAME = "checkpoints"
PROMISE = (
    "A checkpoint is loaded as it was saved, or refused in a sentence that "
    "names the file; nothing in it is run, and it fills no memory."
)
FULL, SMALL = 200, 20
CARD = {
    "arch": "alexnet_small",
    "arguments": {"channels": 1, "num_classes": 3},
    "classes": ["a", "b", "c"],
    "image": {"side": 96, "channels": 1},
    "preprocess": {"resize": 96, "crop": 96, "mean": [0.5], "std": [0.5]},
}
GROWTH = 100  # MiB that a forged file may take
GIGABYTE = 10**9
# Prints, for each file, by how many MiB it grew and how it was refused; a
# process of its own, which loads nothing else
MEASURE = """
import json, sys
from pathlib import Path
from alexnet_lib import checkpoint

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

checkpoint.load_model(checkpoint.TRAINED)  # imports what that needs
for path in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, message = peak(), ""
    try:
        checkpoint.load_model(path)
    except checkpoint.CheckpointError as error:
        message = str(error)
    print(json.dumps([peak() - before, message]), flush=True)
"""


# What is tried, and how it is judged


def refused(
    fault: str, action: Callable, path: Path, part: str = ""
) -> Outcome:
    """The action must be refused, in a sentence with this part in it."""
    try:
        action(path)
    except checkpoint.CheckpointError as error:
        message = str(error)
        clear = str(path) in message and part in message
        brief = "\n" not in message and len(message) < 400 + len(str(path))
        return Outcome(fault, clear and brief, message)
    except BaseException as error:
        return Outcome(fault, False, f"{type(error).__name__}: {error}")
    return Outcome(fault, False, "was taken for good")


def loaded(
    fault: str, action: Callable, path: Path, right: Callable
) -> Outcome:
    """The action must succeed, and `right` be true of what it gives."""
    try:
        held = right(action(path))
    except Exception as error:
        return Outcome(fault, False, f"{type(error).__name__}: {error}")
    return Outcome(fault, held, "loaded" if held else "loaded, but changed")


def either(
    fault: str, action: Callable, path: Path, right: Callable
) -> Outcome:
    """What is changed must be refused, or be loaded as it was saved."""
    outcome = refused(fault, action, path)
    if outcome.detail == "was taken for good":
        return loaded(fault, action, path, right)
    return outcome


def same(found: object, saved: object) -> bool:
    """Whether two contents are equal, bit for bit."""
    if isinstance(saved, dict):
        return list(found) == list(saved) and all(
            same(found[name], saved[name]) for name in saved
        )
    if isinstance(saved, Tensor):
        return found.dtype == saved.dtype and found.equal(saved)
    return type(found) is type(saved) and found == saved


def holds(weights: dict[str, Tensor]) -> Callable:
    """Whether a loaded network has these weights, and the usual card."""

    def right(content: tuple[nn.Module, dict]) -> bool:
        net, card = content
        state = net.state_dict()
        return card == CARD and same(dict(state), dict(weights))

    return right


def small_weights() -> dict[str, Tensor]:
    """The weights of a new small network."""
    return model.alexnet_small(1, 3).state_dict()


def saved(path: Path, content: object, **options: object) -> Path:
    """The path of a file that torch.save wrote."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old kinds of files
        torch.save(content, path, **options)
    return path


# Files that were cut or changed on their way


def cut_and_flipped(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """Cut at any length; one bit changed anywhere, or in the tensors."""
    weights = small_weights()
    path = saved(folder / "good.pt", {"card": CARD, "model": weights})
    whole = path.read_bytes()
    damaged = folder / "damaged.pt"
    for _ in range(count):
        content = bytearray(whole)
        place = inside_a_tensor(rng, whole, weights)
        content[place] ^= 1 << rng.randrange(8)
        damaged.write_bytes(content)
        fault = f"a bit of the tensors flipped, in byte {place:,}"
        yield refused(fault, checkpoint.load_model, damaged, "CRC-32")
    lengths = [rng.randrange(2, len(whole) - 1) for _ in range(count)]
    for length in [0, 1, len(whole) - 1, *lengths]:
        damaged.write_bytes(whole[:length])
        fault = f"cut to {length:,} of {len(whole):,} bytes"
        yield refused(fault, checkpoint.load_model, damaged, "no file of")
    # Of a small file most is not tensors, but what leads to them
    content = {"card": CARD, "model": {"w": torch.arange(9.0)}, "history": []}
    whole = saved(path, content).read_bytes()
    for _ in range(count):
        flipped = bytearray(whole)
        place = rng.randrange(8 * len(whole))
        flipped[place // 8] ^= 1 << place % 8
        damaged.write_bytes(flipped)
        yield either(
            f"bit {place:,} of {8 * len(whole):,} flipped",
            checkpoint.load_checkpoint,
            damaged,
            lambda found: same(found, content),
        )


def inside_a_tensor(
    rng: random.Random, whole: bytes, weights: dict[str, Tensor]
) -> int:
    """The place in a file of a random byte of a random tensor."""
    content = (
        rng.choice([w for w in weights.values() if w.any()]).numpy().tobytes()
    )
    return whole.index(content) + rng.randrange(len(content))


# Files that would fill the memory


def written(path: Path, parts: dict[str, bytes], kind: int = 0) -> Path:
    """The path of a zip archive of these parts, packed or not."""
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return path


def parts_of(content: object) -> dict[str, bytes]:
    """What `torch.save` puts into its archive, by name."""
    file = io.BytesIO()
    torch.save(content, file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, size: int) -> Path:
    """A good file, and in it a packed part of `size` zeros."""
    written(path, parts_of({"card": CARD, "model": small_weights()}))
    kind = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "a", kind, compresslevel=1) as archive:
        with archive.open("archive/data/99", "w") as part:
            for _ in range(size // 2**20):
                part.write(bytes(2**20))
    return path


def understated(path: Path, size: int) -> Path:
    """A packed archive whose parts claim to be of one byte."""
    whole = bytearray(packed(path, size).read_bytes())
    entry = whole.find(b"PK\1\2")
    while entry >= 0:
        whole[entry + 24 : entry + 28] = struct.pack("<L", 1)
        entry = whole.find(b"PK\1\2", entry + 4)
    path.write_bytes(whole)
    return path


def overlapping(path: Path) -> Path:
    """Ten thousand entries that are the same part of a file."""
    written(path, {"archive/data.pkl": b"\0" * 100_000})
    whole = path.read_bytes()
    start = whole.index(b"PK\1\2")
    end = whole.index(b"PK\5\6")
    entry, count = whole[start:end], 10_000
    tail = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, count, count, count * len(entry), start, 0
    )
    path.write_bytes(whole[:start] + entry * count + tail)
    return path


def claiming(path: Path) -> Path:
    """An entry that claims four gigabytes, and has a few bytes."""
    written(path, {"archive/data.pkl": b"x" * 1000})
    whole = bytearray(path.read_bytes())
    start = whole.index(b"PK\1\2")
    whole[start + 20 : start + 28] = struct.pack("<2L", 2**32 - 2, 2**32 - 2)
    path.write_bytes(whole)
    return path


def forged(path: Path, size: int) -> Path:
    """Two tables of contents: Python finds one, PyTorch the other.

    Python takes the table before the end record, PyTorch the one whose place
    the record gives. The first is of a good file, the other packed.
    """
    good = parts_of({"card": CARD, "model": {"w": torch.zeros(9)}})
    large = parts_of({"card": CARD, "model": {"w": torch.zeros(size // 4)}})
    evil = written(path, large, zipfile.ZIP_DEFLATED).read_bytes()
    place, end = evil.index(b"PK\1\2"), evil.rindex(b"PK\5\6")
    assert place > 10_000  # else the offsets below would be negative
    record = bytearray(evil[end:])
    written(path, good)
    whole = path.read_bytes()
    start = whole.index(b"PK\1\2")
    table = bytearray(whole[start : whole.rindex(b"PK\5\6")])
    shift = end + start - place  # what Python will add to each offset
    entry = table.find(b"PK\1\2")
    while entry >= 0:
        field = slice(entry + 42, entry + 46)
        (offset,) = struct.unpack("<L", table[field])
        table[field] = struct.pack("<L", end + offset - shift)
        entry = table.find(b"PK\1\2", entry + 4)
    path.write_bytes(evil[:end] + whole[:start] + table + record)
    return path


class Call:
    """Pickled, it is what the call of a function gives."""

    def __init__(self, function: object, *arguments: object):
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call

    def __call__(self) -> None:
        """Pickle wants that what it calls can be called."""


def doubled(times: int) -> Call:
    """A hundred bytes, doubled again and again when they are loaded."""
    encode = importlib.import_module("_codecs").encode
    call = Call(encode, "a" * 100, "utf-8")
    for _ in range(times):
        call = Call(encode, call, "hex")
    return call


def card_with(**changes: object) -> dict:
    """The usual card with some entries changed; None leaves one out."""
    card = {**CARD, **changes}
    return {name: value for name, value in card.items() if value is not None}


def expanded(classes: int) -> dict:
    """A checkpoint of one number, shown as the weights of many classes."""
    weights = small_weights()
    one = torch.ones(1, dtype=torch.float64)
    weights["classifier.6.weight"] = one.expand(classes, 1024)
    weights["classifier.6.bias"] = one.expand(classes)
    arguments = {"channels": 1, "num_classes": classes}
    card = card_with(arguments=arguments, classes=["a"] * classes)
    return {"card": card, "model": weights}


def bombs(folder: Path, size: int) -> dict[str, Path]:
    """Small files that would become large ones, by what they are."""
    weights = small_weights()

    def hidden(value: object) -> dict:
        return {"card": card_with(data=value), "model": weights}

    def asking(classes: object) -> dict:
        card = card_with(arguments={"channels": 1, "num_classes": classes})
        return {"card": card, "model": weights}

    contents = {
        "bytearray(10**9)": hidden(Call(bytearray, GIGABYTE)),
        "text that doubles itself": hidden(doubled(24)),
        "a tensor of another size": hidden(Call(torch.FloatTensor, GIGABYTE)),
        "num_classes of 10**9": asking(GIGABYTE),
        "num_classes of 10**30": asking(10**30),
        "num_classes of -1": asking(-1),
        "num_classes '3'": asking("3"),
        "weights expanded from one number": expanded(100_000),
    }
    files = {
        "a packed archive": packed(folder / "packed.pt", size),
        "a packed archive that says one byte": understated(
            folder / "understated.pt", size
        ),
        "overlapping entries": overlapping(folder / "overlapping.pt"),
        "an entry that claims 4 GB": claiming(folder / "claiming.pt"),
        "two tables of contents": forged(folder / "forged.pt", 2**27),
    }
    for number, (name, content) in enumerate(contents.items()):
        files[name] = saved(folder / f"bomb{number}.pt", content)
    return files


def bounded(folder: Path, rng: random.Random, count: int) -> Iterator[Outcome]:
    """Each bomb is loaded by a process whose memory is watched."""
    if sys.platform != "linux":
        return
    files = bombs(folder, GIGABYTE if count == FULL else 2**27)
    command = [sys.executable, "-c", MEASURE, *map(str, files.values())]
    child = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    lines = child.stdout.splitlines()
    lines += [""] * (len(files) - len(lines))
    for fault, line in zip(files, lines, strict=True):
        if not line:
            yield Outcome(fault, False, child.stderr[-200:] or "it died")
            continue
        growth, message = json.loads(line)
        survived = growth < GROWTH and bool(message)
        yield Outcome(fault, survived, f"{growth:.0f} MiB: {message}")


# Files that would run code


def traps(trap: Path) -> dict[str, tuple[Call, str]]:
    """What would make the folder `trap`, and the name to be shown."""
    code = f"__import__('os').mkdir({str(trap)!r})"
    script = trap.with_suffix(".py")
    script.write_text(code)
    inner = io.BytesIO()
    pickle.dump(Call(os.mkdir, str(trap)), inner)
    module = Call(importlib.import_module, "os")
    mkdir = Call(getattr, module, "mkdir")
    from_bytes = torch.storage._load_from_bytes
    fetch = torch.hub.download_url_to_file
    rebuild = torch._tensor._rebuild_from_type_v2
    return {
        "os.mkdir": (Call(os.mkdir, str(trap)), "mkdir"),
        "os.system": (Call(os.system, f"mkdir {trap}"), "system"),
        "subprocess": (Call(subprocess.call, ["mkdir", str(trap)]), "call"),
        "eval": (Call(eval, code), "eval"),
        "exec": (Call(exec, code), "exec"),
        "a chain of getattr": (Call(mkdir, str(trap)), "getattr"),
        "runpy": (Call(runpy.run_path, str(script)), "runpy"),
        "torch.hub": (Call(fetch, script.as_uri(), str(trap)), "torch.hub"),
        "a pickle in a pickle": (
            Call(from_bytes, inner.getvalue()),
            "_load_from_bytes",
        ),
        "what rebuilds tensors": (
            Call(rebuild, os.mkdir, dict, (str(trap),), {}),
            "_rebuild_from_type_v2",
        ),
    }


def running_code(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """Pickles that would run code, in every place and format."""
    trap, path = folder / "trap", folder / "trapped.pt"

    def judged(outcome: Outcome) -> Outcome:
        if not trap.exists():
            return outcome
        trap.rmdir() if trap.is_dir() else trap.unlink()
        return Outcome(outcome.fault, False, "it was run")

    for name, (call, part) in traps(trap).items():
        saved(path, {"card": CARD, "model": call})
        fault = f"{name} instead of the weights"
        yield judged(refused(fault, checkpoint.load_model, path, part))
    call = Call(os.mkdir, str(trap))
    weights = {"w": torch.ones(3)}
    places = {
        "in the card": {"card": card_with(data=call), "model": weights},
        "in the history": {"card": CARD, "model": weights, "history": [call]},
        "as a key": {"card": CARD, "model": weights, call: 1},
        "as a key of the card": {"card": {**CARD, call: 1}, "model": weights},
        "as all there is": call,
    }
    for place, content in places.items():
        saved(path, content)
        fault = f"os.mkdir {place}"
        yield judged(refused(fault, checkpoint.load_model, path, "mkdir"))
    content = {"card": CARD, "model": call}
    for protocol in (0, 1, 3, 4, 5):
        saved(path, content, pickle_protocol=protocol)
        fault = f"os.mkdir in pickle protocol {protocol}"
        yield judged(refused(fault, checkpoint.load_model, path, "would run"))
    for protocol in (0, 2, 4):
        path.write_bytes(pickle.dumps(content, protocol))
        fault = f"a pickle of protocol {protocol} that is no archive"
        yield judged(refused(fault, checkpoint.load_model, path, "no file of"))
    saved(path, content, _use_new_zipfile_serialization=False)
    fault = "os.mkdir in a file of an old torch.save"
    yield judged(refused(fault, checkpoint.load_model, path, "PyTorch 1.6"))


# Contents of other kinds


def other_contents(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """What people save in other ways, and cards of other kinds."""
    net = model.alexnet_small(1, 3)
    weights = net.state_dict()
    contents = {
        "a whole network": (net, "model.state_dict()"),
        "bare weights": (weights, "load_weights"),
        "a bare tensor": (torch.ones(3), "no dictionary"),
        "a list": ([weights], "no dictionary"),
        "an empty dictionary": ({}, "no card"),
        "a number": (3, "no dictionary"),
        "nothing": (None, "no dictionary"),
    }
    for kind in ("text", 3, None, [CARD], torch.ones(3)):
        fault = f"a card that is {type(kind).__name__}"
        contents[fault] = ({"card": kind, "model": weights}, "no card")
        fault = f"weights that are {type(kind).__name__}"
        contents[fault] = ({"card": CARD, "model": kind}, "no card")
    for fault, (content, part) in contents.items():
        path = saved(folder / "other.pt", content)
        yield refused(fault, checkpoint.load_model, path, part)
    path = folder / "old.pt"
    content = {"card": CARD, "model": weights}
    saved(path, content, _use_new_zipfile_serialization=False)
    fault = "a good file of an old torch.save"
    yield refused(fault, checkpoint.load_model, path, "PyTorch 1.6")
    path = folder / "card.pt"
    for fault, card, part in bad_cards():
        saved(path, {"card": card, "model": weights})
        yield refused(fault, checkpoint.load_model, path, part)


def bad_cards() -> Iterator[tuple[str, dict, str]]:
    """Cards that lack something, or ask for what is not usual."""
    for name in CARD:
        yield f"a card without {name}", card_with(**{name: None}), name
        for value in (3, "text", [[]], {}):
            if type(value) is not type(CARD[name]):
                fault = f"{name} as {type(value).__name__}"
                yield fault, card_with(**{name: value}), name
    yield "an unknown network", card_with(arch="resnet"), "known are"
    yield "a network's long name", card_with(arch="x" * 10**6), "known are"
    for arguments in ({"depth": 3}, {"channels": 3}, {"num_classes": 4}):
        fault = f"the arguments {arguments}"
        yield fault, card_with(arguments=arguments), "do not fit"
    for count in (2, 4):
        classes = [str(i) for i in range(count)]
        yield f"{count} classes", card_with(classes=classes), "3 outputs"
    yield "numbers as classes", card_with(classes=[1, 2, 3]), "classes"
    wrong = (10**9, 10**30, 0, -1, 96.0, "96", None, [96, 10**9])
    entries = {
        "side": wrong,
        "channels": (2, 10**9, -1, "1"),
        "resize": wrong,
        "crop": (*wrong, 10),
        "mean": (0.5, "0.5", [], [0.5, 0.5], ["a"], [float("nan")], [10**30]),
        "std": (0.5, [0.0], [-1.0], ["a"], [float("inf")]),
        "unknown": (1,),
    }
    for part in ("image", "preprocess"):
        for name in {*CARD[part]} - {"channels"}:
            rest = {n: v for n, v in CARD[part].items() if n != name}
            yield f"{part} without {name}", card_with(**{part: rest}), name
        for name in {*CARD[part], "unknown"}:
            for value in entries[name]:
                card = card_with(**{part: {**CARD[part], name: value}})
                yield f"{part} with {name} {value!r}", card, ""


# Weights of other kinds


def other_weights(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """Weights that do not fit, and weights in other kinds of numbers."""
    weights = small_weights()
    path = folder / "weights.pt"
    for fault, changed in misfits(weights):
        saved(path, {"card": CARD, "model": changed})
        yield refused(fault, checkpoint.load_model, path)
        saved(path, changed)
        if "expanded" not in fault:  # copied, it takes no more memory
            yield untouched(fault, path)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        cast = {name: w.to(dtype) for name, w in weights.items()}
        expected = {name: w.float() for name, w in cast.items()}
        saved(path, {"card": CARD, "model": cast})
        yield loaded(
            f"weights in {dtype}",
            checkpoint.load_model,
            path,
            holds(expected),
        )
    hurt = {**weights, "classifier.6.bias": torch.tensor([torch.nan, 1, 2])}
    saved(path, {"card": CARD, "model": hurt})
    yield loaded(
        "NaN weights, which are loaded as they are",
        checkpoint.load_model,
        path,
        lambda found: (
            found[0].classifier[6].bias.isnan().tolist()
            == [True, False, False]
        ),
    )


def misfits(weights: dict[str, Tensor]) -> Iterator[tuple[str, dict]]:
    """The weights of a small network, in ways in which they fit no more."""
    first, last = "features.0.weight", "classifier.6.weight"
    yield "weights of four classes", model.alexnet_small(1, 4).state_dict()
    yield "weights for colour", model.alexnet_small(3, 3).state_dict()
    yield "one weight less", {n: w for n, w in weights.items() if n != last}
    yield "one weight more", {**weights, "extra.weight": torch.ones(3)}
    yield "a transposed weight", {**weights, last: weights[last].T}
    yield "an empty weight", {**weights, last: torch.empty(0)}
    yield "a text as weight", {**weights, last: "text"}
    yield "no weights", {}
    yield "numbers as names", dict(enumerate(weights.values()))
    yield (
        "complex weights",
        {n: w.to(torch.complex64) for n, w in weights.items()},
    )
    yield "integer weights", {n: w.long() for n, w in weights.items()}
    yield "a sparse weight", {**weights, last: weights[last].to_sparse()}
    yield (
        "a weight expanded from one number",
        {**weights, first: torch.ones(1).expand(24, 1, 11, 11)},
    )


def untouched(fault: str, path: Path) -> Outcome:
    """Bare weights that do not fit must leave a network as it is."""
    net = model.alexnet_small(1, 3)
    before = {name: w.clone() for name, w in net.state_dict().items()}
    outcome = refused(
        f"{fault}, bare", lambda p: checkpoint.load_weights(p, net), path
    )
    if not same(dict(net.state_dict()), before):
        return Outcome(outcome.fault, False, "the network was changed")
    return outcome


# Good weights from other places


def from_elsewhere(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """Saved on a GPU, compiled, in parallel: all are loaded whole."""
    path = folder / "elsewhere.pt"
    net = model.alexnet_small(1, 3)
    weights = net.state_dict()
    compiled = torch.compile(net).state_dict()
    assert next(iter(compiled)).startswith("_orig_mod.")

    def named(prefix: str) -> dict[str, Tensor]:
        return OrderedDict((prefix + n, w) for n, w in weights.items())

    ways = {
        "torch.compile": compiled,
        "DistributedDataParallel": named("module."),
        "a compiled DistributedDataParallel": named("_orig_mod.module."),
        "DistributedDataParallel of a compiled": named("module._orig_mod."),
        "a dictionary of parameters": dict(net.named_parameters()),
    }
    for name, changed in ways.items():
        saved(path, {"card": CARD, "model": changed})
        fault = f"saved by {name}"
        yield loaded(fault, checkpoint.load_model, path, holds(weights))
    on_gpu(path, {"card": CARD, "model": weights})
    fault = "saved on a GPU"
    yield loaded(fault, checkpoint.load_model, path, holds(weights))
    strange = folder / "\u7f51\u7edc of the spring.pt"
    saved(strange, {"card": CARD, "model": weights})
    fault = f"named {strange.name!r}"
    yield loaded(fault, checkpoint.load_model, strange, holds(weights))
    linked = folder / "link.pt"
    linked.symlink_to(strange)
    fault = "behind a link"
    yield loaded(fault, checkpoint.load_model, linked, holds(weights))


def on_gpu(path: Path, content: object) -> None:
    """Save as if all tensors lay on a GPU."""
    usual = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: "cuda:0"
    try:
        saved(path, content)
    finally:
        torch.serialization.location_tag = usual
    assert b"cuda:0" in path.read_bytes()


def drawn(builder: Callable) -> nn.Module:
    """A network with weights drawn in the quickest way."""
    with torch.device("meta"):
        net = builder()
    net = net.to_empty(device="cpu").eval()
    with torch.no_grad():
        for weight in net.parameters():
            weight.uniform_(-0.02, 0.03)
    return net


class Post2(nn.Module):
    """Its layers, as a class of another's notebook holds them."""

    def __init__(self) -> None:
        super().__init__()
        ours = model.alexnet_flowers()
        self.learn_feature = ours.features
        self.classifier = ours.classifier

    def forward(self, images: Tensor) -> Tensor:
        """The score of each class."""
        return self.classifier(self.learn_feature(images).flatten(1))


def post_1() -> nn.Sequential:
    """All layers in one flat stack."""
    ours = model.alexnet_fashion()
    return nn.Sequential(*ours.features, nn.Flatten(), *ours.classifier)


def networks_of_others(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """Bare weights of networks that were written by others."""
    theirs = {
        "torchvision's": (
            lambda: torchvision.models.alexnet(weights=None),
            model.alexnet_torchvision,
            3,
        ),
        "the flat network of post 1": (post_1, model.alexnet_fashion, 1),
        "the class of post 2": (Post2, model.alexnet_flowers, 3),
    }
    path = folder / "bare.pt"
    for fault, (builder, ours, channels) in theirs.items():
        other, net = drawn(builder), drawn(ours)
        saved(path, other.state_dict())
        images = torch.rand(1, channels, 224, 224)

        def fill(path: Path, net: nn.Module = net) -> nn.Module:
            checkpoint.load_weights(path, net)
            return net

        def equal(
            net: nn.Module,
            other: nn.Module = other,
            images: Tensor = images,
        ) -> bool:
            with torch.inference_mode():
                return net(images).equal(other(images))

        yield loaded(f"{fault}, by its weights", fill, path, equal)
        if count == FULL:  # the files are large
            fault = f"{fault}, as a checkpoint"
            yield refused(fault, checkpoint.load_model, path, "load_weights")
            yield untouched(f"{fault}, into a small network", path)


# Runs to be resumed from a wrong file


def new_state() -> engine.TrainState:
    """A tiny run with all that a run may have."""
    net = nn.Linear(4, 3)
    optimizer = torch.optim.Adam(net.parameters(), 0.1, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 9)
    return engine.TrainState(net, optimizer, scheduler)


def after_a_step() -> dict:
    """What a tiny run keeps after its first step."""
    state = new_state()
    state.model(torch.ones(2, 4)).sum().backward()
    state.optimizer.step()
    state.scheduler.step()
    state.history = [{"epoch": 1, "val_accuracy": 0.5}]
    return {"card": CARD, **state.state_dict()}


def wrong_runs() -> Iterator[tuple[str, dict]]:
    """What a run keeps, with one thing in it wrong."""
    for part in ("optimizer", "scheduler", "scaler", "history"):
        content = after_a_step()
        del content[part]
        yield f"no {part}", content
        for value in ("text", 3, None, [3], {"a": "b"}):
            yield f"{part} {value!r}", {**after_a_step(), part: value}
    for name in ("exp_avg", "exp_avg_sq", "step"):
        for value in (torch.ones(2), torch.ones(1).expand(3, 4), "text"):
            content = after_a_step()
            content["optimizer"]["state"][0][name] = value
            kind = getattr(value, "shape", value)
            yield f"the optimizer's {name} {kind}", content
    for name in ("lr", "betas", "params"):
        content = after_a_step()
        content["optimizer"]["param_groups"][0][name] = "text"
        yield f"the optimizer's {name} a text", content
    for name in ("step", "last_epoch", "_schedule_phases", "total_steps"):
        content = after_a_step()
        content["scheduler"][name] = "text"
        yield f"the scheduler's {name} a text", content
    content = after_a_step()
    content["model"] = nn.Linear(4, 2).state_dict()
    yield "weights of another network", content
    other = after_a_step()
    other["card"] = card_with(classes=["a", "b", "d"])
    yield "another card", other
    other["card"] = {}
    yield "an empty card", other
    nested = "x"
    for _ in range(40):
        nested = [nested, nested]
    other["card"] = card_with(classes=nested)
    yield "a card whose text would fill the memory", other


def resumed(folder: Path, rng: random.Random, count: int) -> Iterator[Outcome]:
    """`resume` refuses what is no last.pt of the same run."""
    path = folder / "last.pt"

    def resume(path: Path) -> engine.TrainState:
        state = new_state()
        checkpoint.resume(path, state, CARD)
        return state

    def right(state: engine.TrainState) -> bool:
        return same({"card": CARD, **state.state_dict()}, good)

    good = after_a_step()
    saved(path, good)
    yield loaded("resumed from a good file", resume, path, right)
    for fault, content in wrong_runs():
        saved(path, content)
        yield refused(f"resumed with {fault}", resume, path)
    for fault, (content, _) in no_runs().items():
        saved(path, content)
        yield refused(f"resumed from {fault}", resume, path)
    for content in (b"", b"text", path.read_bytes()[:-1]):
        path.write_bytes(content)
        fault = f"resumed from a file of {len(content)} bytes"
        yield refused(fault, resume, path)


def no_runs() -> dict[str, tuple[object, str]]:
    """Contents of files that no run wrote, and what is said of them."""
    good = after_a_step()
    kept = {name: good[name] for name in ("card", "model", "history")}
    return {
        "best.pt": (kept, "resume from last.pt"),
        "bare weights": (good["model"], "no card"),
        "a whole network": (nn.Linear(4, 3), "would run"),
        "code": ({"card": CARD, "model": Call(os.getcwd)}, "getcwd"),
        "a list": ([1], "no dictionary"),
    }


# What is no file, and what the scripts say


def no_files(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """A folder, a pipe, nothing at all."""
    pipe, broken = folder / "pipe", folder / "broken"
    os.mkfifo(pipe)
    broken.symlink_to(folder / "gone")
    looped = folder / "looped"
    looped.symlink_to(looped)
    paths = {
        "a folder": folder,
        "a pipe": pipe,
        "a missing path": folder / "missing.pt",
        "an empty name": Path(""),
        "a link to nothing": broken,
        "a link to itself": looped,
        "a path through a file": saved(folder / "a.pt", 1) / "b.pt",
        "a name too long": folder / ("x" * 300),
        "a device": Path(os.devnull),
    }
    for fault, path in paths.items():
        yield refused(fault, checkpoint.load_model, path, "no checkpoint at")


def script(fault: str, module: object, words: list[str]) -> Outcome:
    """A script must end with one sentence and no traceback."""
    said = io.StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(io.StringIO()):
            code = module.main(words)
    except SystemExit as stop:
        code = stop.code
    except BaseException as error:
        return Outcome(fault, False, f"{type(error).__name__}: {error}")
    return one_sentence(fault, code, said.getvalue())


def one_sentence(fault: str, code: int, said: str) -> Outcome:
    """Whether a script failed with a line that says what is wrong."""
    line = said.strip().rpartition("\n")[2]
    survived = code in (1, 2) and "error: " in line and len(line) < 500
    return Outcome(fault, survived and "Traceback" not in said, line)


def scripts(folder: Path, rng: random.Random, count: int) -> Iterator[Outcome]:
    """Both scripts, with checkpoints that are none."""
    modules = {n: load(f"scripts/{n}.py") for n in ("predict", "train")}
    path = folder / "last.pt"
    train = "fashion --drawn --size small --images 20 --epochs 1 --device cpu"
    words = {
        "predict": ["photo.jpg", "--checkpoint", str(path)],
        "train": [*train.split(), "--out", str(folder), "--resume"],
    }
    files = {name: pair[0] for name, pair in no_runs().items()}
    unusual = {**CARD["preprocess"], "unknown": 1}
    card = card_with(preprocess=unusual)
    files["unknown keys"] = {"card": card, "model": small_weights()}
    for kind, content in files.items():
        saved(path, content)
        for name, module in modules.items():
            yield script(f"{name}.py with {kind}", module, words[name])
    path.write_bytes(path.read_bytes()[:-9])
    running = list(modules)[: 2 if count == FULL else 1]  # slow to start
    children = [
        subprocess.Popen(
            [sys.executable, f"scripts/{name}.py", *words[name]],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in running
    ]
    for name, child in zip(running, children, strict=True):
        said = child.communicate(timeout=120)[1]
        fault = f"{name}.py with a cut file, as a process"
        yield one_sentence(fault, child.returncode, said)


GROUPS = (
    cut_and_flipped,
    bounded,
    running_code,
    other_contents,
    other_weights,
    from_elsewhere,
    networks_of_others,
    resumed,
    no_files,
    scripts,
)


def outcomes(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """All that is tried with checkpoints."""
    for group in GROUPS:
        scratch = folder / group.__name__
        scratch.mkdir()
        yield from group(scratch, rng, count)
