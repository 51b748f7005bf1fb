import gzip
import shutil

import pytest
import torch
from PIL import Image
from torchvision.datasets import FashionMNIST, ImageFolder

from alexnet_lib import data, drawings
from alexnet_lib.photos import split_of


@pytest.fixture(scope="module")
def garments():
    return data.drawn_fashion()


def test_the_splits_of_the_garments(garments):
    assert garments.train.images.shape == (4400, 1, 28, 28)
    assert len(garments.val.labels) == 400  # the last twelfth
    assert len(garments.test.labels) == 1200
    assert garments.train.images.dtype == torch.uint8
    assert garments.train.labels.dtype == torch.int64


@pytest.mark.parametrize("train", [True, False])
def test_read_idx_is_torchvisions(train):
    root = drawings.fashion_folder()
    theirs = FashionMNIST(root, train=train)
    part = "train" if train else "t10k"
    raw = root / "FashionMNIST" / "raw"
    images = data.read_idx(raw / f"{part}-images-idx3-ubyte")
    labels = data.read_idx(raw / f"{part}-labels-idx1-ubyte")
    assert torch.equal(images, theirs.data)
    assert torch.equal(labels.long(), theirs.targets)


def test_gzipped_files_are_read_where_they_lie(tmp_path, garments):
    """The four official files, in a folder that nothing is written to."""
    folder = tmp_path / "fashion_mnist"
    folder.mkdir()
    raw = drawings.fashion_folder() / "FashionMNIST" / "raw"
    for path in raw.iterdir():
        with gzip.open(folder / f"{path.name}.gz", "wb", 1) as file:
            file.write(path.read_bytes())
    before = sorted(tmp_path.rglob("*"))
    folder.chmod(0o555)
    assert data.fashion_mnist(tmp_path).checksum == garments.checksum
    folder.chmod(0o755)
    assert sorted(tmp_path.rglob("*")) == before


def test_files_at_hand_are_not_downloaded_again(
    tmp_path, garments, monkeypatch
):
    def ask_the_network(self):
        pytest.fail("a download was tried")

    monkeypatch.setattr(FashionMNIST, "download", ask_the_network)
    raw = drawings.fashion_folder() / "FashionMNIST" / "raw"
    shutil.copytree(raw, tmp_path / "fashion_mnist")
    found = data.fashion_mnist(tmp_path, download=True)
    assert found.checksum == garments.checksum


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"hello world",
        b"\0\0\x08\x01\0\0\0\x05abc",  # too short
        b"\0\0\x08\x01\0\0\0\x02abc",  # too long
    ],
)
def test_a_broken_idx_file_is_named(tmp_path, content):
    path = tmp_path / "labels-idx1-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="labels-idx1-ubyte is not a whole"):
        data.read_idx(path)


def test_a_cut_gzip_file_is_named(tmp_path):
    whole = gzip.compress(b"\0\0\x08\x01\0\0\0\x05abcde")
    path = tmp_path / "cut.gz"
    path.write_bytes(whole[:-9])
    with pytest.raises(ValueError, match="cut.gz is not a whole IDX"):
        data.read_idx(path)
    path.write_bytes(whole)
    assert data.read_idx(path).tolist() == list(b"abcde")


def test_missing_garments_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="drawn garments"):
        data.fashion_mnist(tmp_path)


@pytest.fixture(scope="module")
def flowers():
    return data.drawn_flowers(side=32)


def test_the_labels_of_the_flowers_are_image_folders(flowers):
    theirs = ImageFolder(drawings.flowers_folder())
    assert flowers.classes == theirs.classes
    ours = sum(
        torch.bincount(split.labels, minlength=5)
        for split in (flowers.train, flowers.val, flowers.test)
    )
    theirs_count = torch.bincount(torch.tensor(theirs.targets))
    assert torch.equal(ours, theirs_count)


def photo_folder(root, count=30):
    """Photos of two classes, each of one colour of its own."""
    for label, name in enumerate(("dark", "light")):
        (root / name).mkdir(parents=True)
        for i in range(count):
            color = (100 * label + i, i, i)
            Image.new("RGB", (12, 9), color).save(root / name / f"{i}.png")
    return root


def members(root):
    _, splits, _ = data.photo_splits(root, side=8)
    return {
        path.read_bytes(): split
        for split, photos in splits.items()
        for path in photos.paths
    }


def test_the_split_is_disjoint_and_whole(tmp_path):
    root = photo_folder(tmp_path)
    _, splits, _ = data.photo_splits(root, side=8)
    paths = [path for photos in splits.values() for path in photos.paths]
    assert len(paths) == len(set(paths)) == 60


def test_no_photo_moves_when_files_are_renamed_added_or_copied(tmp_path):
    root = photo_folder(tmp_path)
    before = members(root)
    for path in sorted((root / "dark").iterdir())[:10]:
        path.rename(path.with_name("z" + path.name))
    Image.new("RGB", (5, 5)).save(root / "light" / "000.png")
    shutil.copy(root / "light" / "7.png", root / "light" / "copy of 7.png")
    after = members(root)
    assert {content: after[content] for content in before} == before


def test_the_split_has_the_promised_shares():
    counts = {"train": 0, "val": 0, "test": 0}
    for number in range(5000):
        counts[split_of(number.to_bytes(4, "big"))] += 1
    assert counts["train"] / 5000 == pytest.approx(0.70, abs=0.02)
    assert counts["val"] / 5000 == pytest.approx(0.15, abs=0.02)


def test_other_files_are_no_photos(tmp_path):
    root = photo_folder(tmp_path)
    before = members(root)
    (root / "manifest.csv").write_text("class,file")
    (root / "dark" / "notes.txt").write_text("nothing to see")
    (root / ".cache").mkdir()
    assert members(root) == before


def test_an_empty_class_is_an_error(tmp_path):
    root = photo_folder(tmp_path)
    (root / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no photo"):
        data.photo_splits(root, side=8)


def test_a_class_missing_from_a_split_is_an_error(tmp_path):
    root = photo_folder(tmp_path)
    (root / "rare").mkdir()
    Image.new("RGB", (5, 5)).save(root / "rare" / "only.png")
    with pytest.raises(ValueError, match="no photo of 'rare'"):
        data.photo_splits(root, side=8)


def test_the_square_is_pils(tmp_path):
    """The central square of the picture, scaled as Pillow scales it."""
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (40, 60, 3), dtype=torch.uint8)
    picture = Image.fromarray(pixels.numpy())
    picture.save(tmp_path / "p.png")
    centre = (10, 0, 50, 40)
    square = picture.resize((16, 16), Image.BILINEAR, box=centre)
    found = data.read_image(tmp_path / "p.png", 16).permute(1, 2, 0)
    assert found.flatten().tolist() == list(square.tobytes())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_colour_or_gray(tmp_path, mode, channels):
    path = tmp_path / "p.tif"
    Image.new(mode, (9, 7)).save(path)
    image = data.read_image(path, 8, channels)
    assert image.shape == (channels, 8, 8) and image.dtype == torch.uint8


def test_a_turned_photo_is_read_upright(tmp_path):
    picture = Image.new("RGB", (20, 20))
    picture.paste("white", (0, 0, 20, 10))  # bright above, dark below
    exif = Image.Exif()
    exif[0x0112] = 3  # stored upside down
    picture.rotate(180).save(tmp_path / "p.jpg", exif=exif)
    image = data.read_image(tmp_path / "p.jpg", 20).float()
    assert image[:, :8].mean() > 240 and image[:, 12:].mean() < 15


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "text.jpg").write_text("not an image")
    with pytest.raises(ValueError, match="text.jpg: no picture"):
        data.read_image(tmp_path / "text.jpg", 8)
    with pytest.raises(ValueError, match="gone.jpg is no file"):
        data.read_image(tmp_path / "gone.jpg", 8)
    whole = tmp_path / "whole.png"
    Image.effect_noise((64, 64), 50).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(ValueError, match="cut.png: not a whole image"):
        data.read_image(tmp_path / "cut.png", 8)


def test_photos_are_the_same_in_memory_and_one_by_one(tmp_path):
    _, splits, _ = data.photo_splits(photo_folder(tmp_path), side=8)
    images, labels = splits["train"].in_memory()
    for i, (image, label) in enumerate(splits["train"]):
        assert torch.equal(image, images[i]) and label == labels[i]
        if i + 1 == len(labels):
            break


def test_the_first_photos_are_those_of_memory(tmp_path):
    _, splits, _ = data.photo_splits(photo_folder(tmp_path), side=8)
    photos = splits["train"]
    few, kept = photos.first(5), photos.in_memory().first(5)
    assert len(few) == len(kept.labels) == 5
    assert torch.equal(few.in_memory().images, kept.images)
    assert few.labels == kept.labels.tolist()
    assert len(photos.first(1_000)) == len(photos)


def test_the_real_garments(real_data):
    real = data.fashion_mnist(real_data)
    sizes = [len(s.labels) for s in (real.train, real.val, real.test)]
    assert sizes == [55_000, 5_000, 10_000]
    counts = torch.bincount(real.train.labels) + torch.bincount(
        real.val.labels
    )
    assert counts.tolist() == [6000] * 10


def test_the_real_flowers(real_data):
    classes, splits, _ = data.photo_splits(real_data / "flower_photos", 64)
    names = ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
    assert classes == names
    total = sum(len(photos) for photos in splits.values())
    assert len(splits["train"]) / total == pytest.approx(0.7, abs=0.02)
