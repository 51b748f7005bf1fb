"""Downloads that fail: all ways at once, and each promise on its own."""

import random

import pytest

from alexnet_lib import downloads
from tests.faults import downloads as faults
from tests.faults.downloads import Server, published


def test_no_download_is_half_or_wrong(tmp_path):
    tried = list(faults.outcomes(tmp_path, random.Random(0), faults.SMALL))
    assert [outcome for outcome in tried if not outcome.survived] == []
    assert len(tried) >= 35 + faults.SMALL


def refused(root, *answers):
    """The message when a server gives only these answers."""
    with Server(*answers) as server, published(server.url):
        with pytest.raises(ConnectionError) as info:
            downloads.download_flowers(root)
    return str(info.value)


def test_what_is_not_what_was_published_is_not_kept(tmp_path):
    archive = faults.pack({"flower_photos/daisy/1.jpg": b"another"})
    said = refused(tmp_path, faults.send(archive, len(archive)))
    assert "wrong checksum" in said
    assert faults.contents(tmp_path) == {}


def test_the_third_try_may_be_the_good_one(tmp_path):
    bad = faults.send(b"", 0, 500)
    with Server(bad, faults.hang_up, faults.WHOLE) as server:
        with published(server.url):
            assert faults.attempt(tmp_path) == ""
    assert faults.contents(tmp_path) == faults.GOOD


def test_a_silent_server_is_given_up(tmp_path):
    def wait(handler):
        handler.server.ended.wait(1)

    assert "timed out" in refused(tmp_path, wait)


def test_an_archive_writes_nothing_outside_of_its_folder(tmp_path):
    archive = faults.pack({**faults.PHOTOS, "../evil": b"evil"})
    answer = faults.send(archive, len(archive))
    with Server(answer) as server, published(server.url, archive):
        said = faults.attempt(tmp_path / "data")
    assert not list(tmp_path.rglob("evil"))
    assert "was not unpacked" in said


def test_half_an_archive_leaves_no_folder(tmp_path):
    half = faults.ARCHIVE[: len(faults.ARCHIVE) // 2]
    answer = faults.send(half, len(half))
    with Server(answer) as server, published(server.url, half):
        with pytest.raises(OSError, match="was not unpacked"):
            downloads.download_flowers(tmp_path)
    assert faults.contents(tmp_path) == {"photos.tgz": half}


@pytest.mark.parametrize("name", [*faults.FAULTS, "refused"])
def test_the_reason_is_short_and_plain(tmp_path, name):
    if name == "refused":
        outcome = next(faults.no_server(tmp_path))
    else:
        answer, reason = faults.FAULTS[name]
        outcome = faults.fails_then_works(tmp_path, name, answer, reason)
    assert outcome.survived, outcome.detail
    reason = outcome.detail.partition("tries (")[2].partition("): put")[0]
    assert 0 < len(reason) < 60
    assert not any(word in reason for word in ("://", "Errno", "object at"))


def test_ctrl_c_in_a_download_is_no_error(tmp_path):
    (outcome,) = list(faults.by_script(tmp_path))[1:]
    assert outcome.survived, outcome.detail
