"""Servers that fail and archives that climb out, on the loopback."""

import contextlib
import gzip
import hashlib
import io
import os
import random
import signal
import socket
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

from PIL import Image
from torchvision.datasets import FashionMNIST

from alexnet_lib import data, downloads
from tests.conftest import load
from tests.faults import Outcome
from tests.faults.images import call

NAME = "downloads"
PROMISE = (
    "A download is whole and is what was published, or it is an error that "
    "says what to do; nothing is kept of half of it, nothing lies elsewhere."
)
SMALL, FULL = 20, 1000
TIMEOUT = 0.3


class Handler(BaseHTTPRequestHandler):
    """Gives the server's answers, one for each request."""

    def do_GET(self) -> None:
        """Give what the server has for this request."""
        self.server.give(self)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


Answer = Callable[[Handler], None]


class Server(ThreadingHTTPServer):
    """Answers one after the other, the last one again and again."""

    daemon_threads = True

    def __init__(self, *answers: Answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = answers, 0
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/photos.tgz"

    def give(self, handler: Handler) -> None:
        """Give the next answer."""
        with self.lock:
            place = min(self.asked, len(self.answers) - 1)
            self.asked += 1
        with contextlib.suppress(OSError):  # the other side has left
            self.answers[place](handler)

    def __enter__(self) -> "Server":
        threading.Thread(target=self.serve_forever, args=[0.01]).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()


def send(content: bytes, length: int | None = None, code: int = 200) -> Answer:
    """Answer with this content, and perhaps another length."""

    def answer(handler: Handler) -> None:
        handler.send_response(code)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def stall(handler: Handler) -> None:
    """Never answer."""
    handler.server.ended.wait(10)


def stall_later(handler: Handler) -> None:
    """Never send the second half."""
    send(b"half", 8)(handler)
    handler.server.ended.wait(10)


def reset(handler: Handler) -> None:
    """Break the connection off."""
    now = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
    handler.connection.close()


def hang_up(handler: Handler) -> None:
    """Close the connection in good order, with nothing said."""


def turn_round(handler: Handler) -> None:
    """Send to the same place again."""
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.end_headers()


def no_http(handler: Handler) -> None:
    """Speak another language."""
    handler.wfile.write(b"220 mail ready\r\n\r\n")


PAGE = b"<!DOCTYPE html><html><body>Sign in to this network</body></html>"
# What a server does, and the words for it that a reader must find
FAULTS: dict[str, tuple[Answer, str]] = {
    "cut off, its length known": (send(b"1234", 9), "5 more expected"),
    "cut off, its length unknown": (send(b"1234"), "wrong checksum"),
    "wrong bytes": (send(b"12345678", 8), "wrong checksum"),
    "empty": (send(b"", 0), "wrong checksum"),
    "a page to sign in": (send(PAGE, len(PAGE)), "wrong checksum"),
    "error 404": (send(b"", 0, 404), "(404 Client Error: Not Found)"),
    "error 500": (send(b"", 0, 500), "(500 Server Error: Internal"),
    "connection reset": (reset, "reset by peer"),
    "nothing said": (hang_up, "closed connection without response"),
    "another protocol": (no_http, "220 mail ready"),
}
SLOW = {
    "silence": (stall, "timed out"),
    "silence half-way": (stall_later, "timed out"),
    "a circle of redirects": (turn_round, "(Exceeded 30 redirects.)"),
}


def pack(members: dict[str, bytes | tuple[bytes, str]]) -> bytes:
    """A .tgz of files (name: content) and others (name: kind, target)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                entry.type, entry.linkname = content
                content = b""
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def photos() -> dict[str, bytes]:
    """Photos of two classes, by their names in an archive."""
    found = {}
    for red, name in enumerate(("daisy", "tulips")):
        for green in range(30):
            file = io.BytesIO()
            Image.new("RGB", (8, 8), (red, green, 0)).save(file, "PNG")
            found[f"flower_photos/{name}/{green}.png"] = file.getvalue()
    return found


PHOTOS = photos()
ARCHIVE = pack(PHOTOS)
WHOLE = send(ARCHIVE, len(ARCHIVE))


@contextlib.contextmanager
def published(url: str, archive: bytes = ARCHIVE) -> Iterator[None]:
    """Take this archive, at this address, for the published one."""
    checksum = hashlib.sha256(archive).hexdigest()
    with (
        mock.patch.multiple(
            downloads,
            FLOWERS_URL=url,
            FLOWERS_SHA256=checksum,
            TIMEOUT=TIMEOUT,
        ),
        mock.patch("pooch.core.time"),  # it would wait between two tries
        mock.patch("pooch.downloaders.tqdm"),
        mock.patch.dict(os.environ, {"no_proxy": "*"}),
    ):
        yield


def attempt(root: Path, error: type[Exception] = OSError) -> str:
    """Download; what is wrong with the error, or with what is there."""
    try:
        downloads.download_flowers(root)
    except error as caught:
        return str(caught)
    except Exception as caught:
        return f"{type(caught).__name__}, no {error.__name__}: {caught}"
    return ""


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by name, hidden ones too."""
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


GOOD = {"photos.tgz": ARCHIVE, **PHOTOS}


def unclear(message: str, *words: str) -> str:
    """What is missing in the message of an error, or too much."""
    missing = [word for word in words if word not in message]
    if missing or "\n" in message or len(message) > 600:
        return f"no {missing} in {message!r}"
    return ""


def fails_then_works(
    root: Path, fault: str, answer: Answer, reason: str
) -> Outcome:
    """Three requests, one clear error, nothing kept; then a good server."""
    with Server(answer) as server, published(server.url):
        said = attempt(root, ConnectionError)
        asked = server.asked
        left = contents(root)
        url = server.url
    wrong = unclear(said, url, reason, f"into {root} by hand", "drawn flowers")
    if asked != (93 if "circle" in fault else 3):
        wrong = wrong or f"{asked} requests"
    wrong = wrong or (f"left: {list(left)}" if left else "")
    with Server(WHOLE) as server, published(server.url):
        wrong = wrong or attempt(root)
    if not wrong and contents(root) != GOOD:
        wrong = "the second attempt left something else"
    return Outcome(fault, not wrong, wrong or said)


def no_server(root: Path) -> Iterator[Outcome]:
    """Nobody listens, or nobody knows the server's name."""
    with Server(WHOLE) as server:
        url = server.url
    unknown = socket.gaierror(-2, "Name or service not known")
    name = mock.patch("socket.getaddrinfo", side_effect=unknown)
    for fault, broken in (
        ("refused", contextlib.nullcontext()),
        ("to an unknown host", name),
    ):
        with published(url), broken:
            said = attempt(root / fault, ConnectionError)
        wrong = unclear(said, url, "by hand", "drawn flowers")
        wrong = wrong or unclear(said.partition("tries (")[2][:50], "): put")
        yield Outcome(f"connection {fault}", not wrong, wrong or said)


def third_time(root: Path, rng: random.Random) -> Outcome:
    """Three answers drawn at random: one good one is enough."""
    names = rng.choices([*FAULTS, "whole"], k=3)
    answers = [WHOLE if n == "whole" else FAULTS[n][0] for n in names]
    with Server(*answers) as server, published(server.url):
        said = attempt(root, ConnectionError)
        asked = server.asked
    good = "whole" in names
    wanted = names.index("whole") + 1 if good else 3
    right = (said == "") == good and asked == wanted
    right = right and contents(root) == (GOOD if good else {})
    return Outcome(", then ".join(names), right, f"{asked} requests; {said}")


def bad_archives() -> dict[str, bytes]:
    """Archives that a checksum vouches for, and yet must not be trusted."""
    link, hard = tarfile.SYMTYPE, tarfile.LNKTYPE
    inside = "flower_photos/daisy/"
    entries = {
        "a way up": {"../evil": b"evil"},
        "a way up from inside": {f"{inside}../../../../evil": b"evil"},
        "a link up": {f"{inside}up": (link, "../../../..")},
        "a link to all": {f"{inside}root": (link, "/")},
        "a way through a link": {
            f"{inside}up": (link, "../../.."),
            f"{inside}up/evil": b"evil",
        },
        "a hard link out": {f"{inside}x.jpg": (hard, "../../treasure")},
        "a device": {f"{inside}x.jpg": (tarfile.CHRTYPE, "")},
        "a pipe": {f"{inside}x.jpg": (tarfile.FIFOTYPE, "")},
    }
    bad = {name: pack({**PHOTOS, **more}) for name, more in entries.items()}
    return {
        **bad,
        "an archive cut in the middle": ARCHIVE[: len(ARCHIVE) // 2],
        "no folder flower_photos": pack({"photos/1.png": b"photo"}),
        "no archive": PAGE,
        "nothing": b"",
    }


def unpacks(folder: Path, name: str, archive: bytes) -> Outcome:
    """Refuse an archive and keep nothing of it; then take a good one."""
    root = folder / "down" / "data"
    (folder / "down").mkdir(parents=True)
    (folder / "treasure").write_bytes(b"gold")
    answer = send(archive, len(archive))
    with Server(answer) as server, published(server.url, archive):
        said = attempt(root)
    kept = str((root / "photos.tgz").relative_to(folder))
    wrong = unclear(said, str(root / "photos.tgz"), "delete it")
    if contents(folder) != {"treasure": b"gold", kept: archive}:
        wrong = wrong or f"left: {list(contents(folder))}"
    (root / "photos.tgz").unlink(missing_ok=True)
    with Server(WHOLE) as server, published(server.url):
        wrong = wrong or attempt(root)
    if not wrong and contents(root) != GOOD:
        wrong = "the second attempt left something else"
    return Outcome(name, not wrong, wrong or said)


def absolute(folder: Path) -> Outcome:
    """What names an absolute place is put inside, or refused."""
    target = folder / "evil"
    archive = pack({**PHOTOS, str(target): b"evil"})
    answer = send(archive, len(archive))
    with Server(answer) as server, published(server.url, archive):
        said = attempt(folder / "data")
    right = not target.exists()
    return Outcome("an absolute place in an archive", right, said)


def by_hand(folder: Path) -> Iterator[Outcome]:
    """A file put there by hand is taken if it is the right one."""
    for content, asked in ((ARCHIVE, 0), (b"another file", 1)):
        root = folder / f"asked{asked}"
        root.mkdir()
        (root / "photos.tgz").write_bytes(content)
        with Server(WHOLE) as server, published(server.url):
            said = attempt(root)
            right = server.asked == asked and contents(root) == GOOD
        fault = f"by hand, {'wrong' if asked else 'right'}"
        yield Outcome(fault, right and not said, said)
    root = folder / "kept"
    root.mkdir()
    (root / "photos.tgz").write_bytes(b"another file")
    with Server(hang_up) as server, published(server.url):
        said = attempt(root)
    right = contents(root) == {"photos.tgz": b"another file"}
    right = right and not unclear(said, "a whole photos.tgz", "by hand")
    yield Outcome("by hand, wrong, and no server", right, said)


def at_once(root: Path, count: int = 3) -> Outcome:
    """Several downloads of the same, at the same time."""
    with (
        Server(WHOLE) as server,
        published(server.url),
        ThreadPoolExecutor(count) as pool,
    ):
        said = "".join(pool.map(attempt, [root] * count))
    right = not said and contents(root) == GOOD
    return Outcome(f"{count} downloads at once", right, said)


def idx(shape: tuple[int, ...], content: bytes) -> bytes:
    """A gzipped IDX file."""
    head = struct.pack(f">4B{len(shape)}i", 0, 0, 8, len(shape), *shape)
    return gzip.compress(head + content)


GARMENTS = {
    "train-images-idx3-ubyte.gz": idx((24, 28, 28), bytes(24 * 784)),
    "train-labels-idx1-ubyte.gz": idx((24,), bytes(range(8)) * 3),
    "t10k-images-idx3-ubyte.gz": idx((6, 28, 28), bytes(6 * 784)),
    "t10k-labels-idx1-ubyte.gz": idx((6,), bytes(range(6))),
}


def send_garment(handler: Handler) -> None:
    """Answer with the file that was asked for."""
    content = GARMENTS[handler.path.strip("/")]
    send(content, len(content))(handler)


def garments(folder: Path) -> Iterator[Outcome]:
    """The four files of Fashion-MNIST, one after another."""
    known = [(n, hashlib.md5(c).hexdigest()) for n, c in GARMENTS.items()]
    half = send(b"half", 9)
    wrong = send(b"other")
    for name, answers, asked in (
        ("good at once", [send_garment], 4),
        ("good in the end", [half, wrong, send_garment], 6),
        ("the second file fails", [send_garment, half], 4),
        ("never good", [wrong], 3),
    ):
        root = folder / name
        with Server(*answers) as server, published(server.url):
            base = server.url.removesuffix("photos.tgz")
            with (
                mock.patch.object(downloads, "FASHION_URL", base),
                mock.patch.object(FashionMNIST, "resources", known),
            ):
                try:
                    found = data.fashion_mnist(root, download=True)
                    said = f"{len(found.train.labels)} garments"
                except ConnectionError as error:
                    said = str(error)
            right = server.asked == asked
        raw = contents(root / "FashionMNIST" / "raw")
        right = right and raw.items() <= GARMENTS.items()
        if "good" in name and "never" not in name:
            right = right and raw == GARMENTS and said == "22 garments"
        else:
            right = right and not unclear(said, base, "by hand", "garments")
        yield Outcome(f"garments: {name}", right, said)


def by_script(folder: Path) -> Iterator[Outcome]:
    """The same by train.py: one sentence, no traceback, no run begun."""
    train = load("scripts/train.py")

    def stop(handler: Handler) -> None:
        main = threading.main_thread().ident
        signal.pthread_kill(main, signal.SIGINT)
        handler.server.ended.wait(10)

    cases = [("error 404", FAULTS["error 404"][0], 1, "404 Client Error")]
    if threading.current_thread() is threading.main_thread():
        cases.append(("Ctrl-C in a download", stop, 130, "nothing was kept"))
    for name, answer, wanted, reason in cases:
        root = folder / name
        command = ["flowers", "--data", root / "data", "--download"]
        command += [
            "--size",
            "small",
            "--device",
            "cpu",
            "--out",
            root / "out",
        ]
        with (
            Server(answer) as server,
            published(server.url),
            mock.patch.object(train, "keep_memory"),
        ):
            code, out, err = call(train.main, *command)
        right = code == wanted and not out and err.count("\n") == 1
        right = right and reason in err and not (root / "out").exists()
        right = right and not contents(root)
        yield Outcome(f"train.py: {name}", right, f"{code}: {err}")


def outcomes(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """All faults of a server and of an archive, and `count` mixtures."""
    places = (folder / str(number) for number in range(10**9))
    for name, (answer, reason) in {**FAULTS, **SLOW}.items():
        yield fails_then_works(next(places), name, answer, reason)
    for name, archive in bad_archives().items():
        yield unpacks(next(places), name, archive)
    yield absolute(next(places))
    yield at_once(next(places))
    for several in (no_server, by_hand, garments, by_script):
        place = next(places)
        place.mkdir()
        yield from several(place)
    for _ in range(count):
        yield third_time(next(places), rng)
