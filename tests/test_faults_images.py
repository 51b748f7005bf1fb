"""Odd image files: all of them at once, and each promise on its own."""

import io
import os
import random
import runpy
import shutil
import sys
import threading

import pytest
import torch
from PIL import EpsImagePlugin, Image

from alexnet_lib import data, photos
from tests.conftest import ROOT, load
from tests.faults import images

train, predict = load("scripts/train.py"), load("scripts/predict.py")


def test_no_odd_file_is_lost_or_let_in(tmp_path):
    rng = random.Random(0)
    tried = list(images.outcomes(tmp_path, rng, images.SMALL))
    assert [outcome for outcome in tried if not outcome.survived] == []
    alone = [o.fault for o in tried if o.fault.endswith("read alone")]
    assert len(set(alone)) == len(alone) >= 130
    assert len(tried) > 3 * len(alone) + images.SMALL


def refused(path):
    """The message with which a file is refused."""
    with pytest.raises(ValueError) as info:
        photos.read_image(path, images.SIDE)
    assert images.unclear(str(info.value), path) == ""
    return str(info.value)


def shown(path):
    """The colours of the four quarters of a picture, as it is read."""
    pixels = photos.read_image(path, images.SIDE)
    return pixels[:, 8::16, 8::16].flatten(1).T.tolist()


def test_a_picture_above_the_limit_is_refused_before_it_is_decoded(tmp_path):
    Image.new("1", (8000, 8000)).save(tmp_path / "bomb.png")
    assert "more than 60,000,000 pixels" in refused(tmp_path / "bomb.png")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no shell")
def test_no_program_is_started_for_a_file(tmp_path, monkeypatch):
    """Pillow reads EPS with Ghostscript, which runs what stands in it."""
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    (tmp_path / "photo.jpg").write_bytes(images.encoded("EPS"))
    assert "no picture, or none of JPEG" in refused(tmp_path / "photo.jpg")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("number", range(1, 9))
def test_a_photo_is_turned_upright(tmp_path, number):
    odd = {odd.name: odd for odd in images.turned(tmp_path)}
    shown_upright = images.quarters()
    for kind in ("jpg", "png", "webp"):
        path = tmp_path / f"turned{number}.{kind}"
        assert odd[path.name].looks.tobytes() == shown_upright.tobytes()
        outcome = images.read_one(path, shown_upright)
        assert outcome.survived, outcome.detail


def test_a_picture_with_clear_parts_is_put_on_white(tmp_path):
    picture = images.quarters()
    picture.putalpha(images.upper_half(0))
    picture.save(tmp_path / "clear.png")
    white = [255, 255, 255]
    upper = [[255, 0, 0], [0, 255, 0]]
    assert shown(tmp_path / "clear.png") == [*upper, white, white]


def test_gray_in_two_bytes_is_scaled(tmp_path):
    list(images.two_bytes(tmp_path))
    grays = [[v, v, v] for v in (0, 40, 140, 255)]
    for name in ("I16.png", "I16.tif", "I16B.tif"):
        assert shown(tmp_path / name) == grays


def test_a_clear_gray_in_two_bytes_is_white(tmp_path):
    """Only this one: not the grays that end in the same byte."""
    list(images.two_bytes(tmp_path))
    grays = [[0, 0, 0], [255, 255, 255], [140, 140, 140], [255, 255, 255]]
    assert shown(tmp_path / "I16-clear10240.png") == grays


@pytest.fixture
def pipe(tmp_path):
    """A pipe named like a photo, which says whether somebody opened it."""
    path = tmp_path / "odd" / "pipe.jpg"
    opened = threading.Event()

    def write():
        with open(path, "wb"):  # waits for a reader
            opened.set()

    images.make_plain(tmp_path)
    os.mkfifo(path)
    writer = threading.Thread(target=write)
    writer.start()
    yield path, opened
    # Open until the writer has come: before its turn it would wait for ever
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer.join()
    os.close(reader)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_nobody_waits_for_a_pipe_in_reading(pipe):
    path, opened = pipe
    with pytest.raises(ValueError, match="pipe.jpg"):
        photos.read_image(path, 8)
    assert not opened.is_set()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_nobody_waits_for_a_pipe_among_photos(pipe):
    path, opened = pipe
    with pytest.raises(photos.BadPhotos, match="pipe.jpg is no file"):
        data.load_photos("odd", path.parents[1], 8)
    assert not opened.is_set()


def test_a_file_too_large_for_a_photo_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "MAX_BYTES", 1000)
    content = images.encoded("BMP")
    (tmp_path / "large.bmp").write_bytes(content)
    assert "more than 1,000 bytes" in refused(tmp_path / "large.bmp")


def test_hidden_files_are_no_photos(tmp_path):
    """._x.jpg, say, in which a Mac keeps what it knows of x.jpg."""
    images.make_plain(tmp_path)
    (tmp_path / "odd" / "._plain.jpg").write_bytes(b"\0\5\26\7")
    shutil.copytree(tmp_path / "plain", tmp_path / ".cache")
    found = data.load_photos("plain", tmp_path, 8, skip_bad=True)
    assert found.classes == ["odd", "plain"] and not found.skipped


def test_hidden_files_are_not_looked_at_in_a_folder(tmp_path):
    for name in ("a.png", ".b.png", "._c.jpg"):
        (tmp_path / name).write_bytes(b"no photo")
    assert list(predict.walk([tmp_path])) == [tmp_path / "a.png"]


def test_a_broken_link_in_a_folder_is_reported(tmp_path):
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    assert list(predict.walk([tmp_path])) == [tmp_path / "link.jpg"]
    assert "broken link" in refused(tmp_path / "link.jpg")


@pytest.fixture
def bad_ones(tmp_path):
    """Two classes of photos, each with a bad file, and a folder in one."""
    images.make_plain(tmp_path)
    bad = [tmp_path / "odd" / "a.jpg", tmp_path / "plain" / "b.png"]
    for path in bad:
        path.write_text("no photo")
    (tmp_path / "plain" / "c").mkdir()
    return [*bad, tmp_path / "plain" / "c"]


def test_all_bad_files_are_named_at_once(tmp_path, bad_ones):
    with pytest.raises(ValueError) as info:
        data.load_photos("plain", tmp_path, 8)
    assert isinstance(info.value, photos.BadPhotos)
    assert set(info.value.bad) == set(bad_ones)
    for path in bad_ones:
        assert str(info.value).count(str(path)) == 1


def test_bad_files_are_left_out_when_that_is_asked_for(tmp_path, bad_ones):
    found = data.load_photos("plain", tmp_path, 8, skip_bad=True)
    assert set(found.skipped) == set(bad_ones)
    for path in bad_ones:
        path.rmdir() if path.is_dir() else path.unlink()
    alone = data.load_photos("plain", tmp_path, 8)
    assert found.checksum == alone.checksum and not alone.skipped
    for split in ("train", "val", "test"):
        ours, theirs = getattr(found, split), getattr(alone, split)
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)


def test_train_says_what_it_leaves_out(bad_photo, capfd):
    command = ["flowers", "--data", str(bad_photo), "--skip-bad"]
    found = train.load_data(train.parse_args(command), 8)
    said = capfd.readouterr().err
    assert len(found.skipped) == 1 and said.count("bad.jpg") == 1


def test_a_name_that_cannot_be_printed_stops_nothing(tmp_path, monkeypatch):
    """As old file systems have them, or where the output knows no Unicode."""
    names = [images.LATIN, "鬱金香.png"] if images.LATIN else ["鬱金香.png"]
    for name in names:
        images.quarters().save(tmp_path / name)
    written = io.BytesIO()
    output = io.TextIOWrapper(written, "ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "argv", ["predict.py", str(tmp_path)])
    try:
        runpy.run_path(ROOT / "scripts" / "predict.py", run_name="__main__")
    except (SystemExit, UnicodeEncodeError) as stop:
        assert getattr(stop, "code", stop) == 0
    assert written.getvalue().count(b".png: ") == len(names)
