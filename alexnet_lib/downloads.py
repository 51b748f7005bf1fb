"""The real data sets, fetched from where they are published.

Each file is tried three times, compared with its checksum before anything
is done with it, and stands under its name only when it is whole.
"""

import tarfile
from pathlib import Path

from torchvision.datasets import FashionMNIST

from .drawings import made_once

TRIES = 3
TIMEOUT = 20.0  # seconds without a single byte
FASHION_URL = FashionMNIST.mirrors[0]
FLOWERS_URL = (
    "https://storage.googleapis.com/download.tensorflow.org/example_images/"
    "flower_photos.tgz"
)
FLOWERS_SHA256 = (
    "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
)


def brief(error: Exception) -> str:
    """What went wrong first, in at most a line."""
    while error.__context__:  # the libraries wrap one another's errors
        error = error.__context__
    if type(error) is ValueError:  # pooch's, with two long checksums
        return "what came has a wrong checksum"
    words = getattr(error, "strerror", None) or str(error)
    first = (words.splitlines() or [type(error).__name__])[0]
    return first.partition(" for url")[0][:90].rstrip(":")


def fetch(url: str, checksum: str, folder: Path, drawn: str) -> Path:
    """The file at `url`, in `folder`, with the checksum that it must have.

    A file that is there already, put there by hand too, is taken if it has
    that checksum; `drawn` names the data that needs no download.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # the bar says the rest
    base, _, name = url.rpartition("/")
    store = pooch.create(
        folder,
        f"{base}/",
        registry={name: checksum},
        retry_if_failed=TRIES - 1,
    )
    # Bytes that only trickle would never time out; they would be seen
    download = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT)
    try:
        return Path(store.fetch(name, downloader=download))
    except Exception as error:  # of many kinds, from three libraries
        raise ConnectionError(
            f"{url} was not downloaded in up to {TRIES} tries "
            f"({brief(error)}): put a whole {name} into {folder} by hand, or "
            f"use the {drawn}"
        ) from error


def download_fashion(root: str | Path) -> Path:
    """The folder of Fashion-MNIST's four files in `root`, all checked."""
    folder = Path(root, "FashionMNIST", "raw")
    for name, md5 in FashionMNIST.resources:
        fetch(FASHION_URL + name, f"md5:{md5}", folder, "drawn garments")
    return folder


def download_flowers(root: str | Path) -> Path:
    """The folder of the 3,670 photos, unpacked in `root` from an archive."""

    def unpack(folder: Path) -> None:
        # The filter refuses what would be written outside of the folder
        with tarfile.open(archive) as packed:
            packed.extractall(folder.parent, filter="data")

    known = f"sha256:{FLOWERS_SHA256}"
    archive = fetch(FLOWERS_URL, known, Path(root), "drawn flowers")
    try:
        return made_once(Path(root, "flower_photos"), unpack)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise OSError(
            f"{archive} was not unpacked ({brief(error)}): nothing of it was "
            "kept; make room or delete it, and try again"
        ) from error
