"""The trained network that comes with the library is the recorded one."""

import pytest
import torch

from alexnet_lib import checkpoint, evidence
from alexnet_lib.batches import Batches, DeviceLoader, preprocess
from alexnet_lib.data import flower_photos
from alexnet_lib.inference import confusion_matrix, predict_all
from tools import pack


@pytest.fixture(scope="module")
def saved() -> dict:
    return checkpoint.load_checkpoint(checkpoint.TRAINED)


def test_it_is_small(saved):
    assert checkpoint.TRAINED.stat().st_size <= 8e6
    kinds = {weights.dtype for weights in saved["model"].values()}
    assert kinds == {torch.float16}


def test_its_card_is_that_of_its_record(saved):
    card = dict(saved["card"])
    record = evidence.load_record(card.pop("record"))
    assert card == record["card"]
    assert not record["command"].count("--images")  # all photos, no part


def test_it_predicts_what_the_record_says(saved, real_data):
    """Float16 weights and float32 sums may move a photo on the edge."""
    model, card = checkpoint.load_model(checkpoint.TRAINED)
    record = evidence.load_record(card["record"])
    photos = flower_photos(real_data, card["image"]["side"])
    assert photos.checksum == card["data"]
    loader = DeviceLoader(
        Batches(photos.test, 64), preprocess(**card["preprocess"])
    )
    counts = confusion_matrix(*predict_all(model, loader))
    moved = counts - torch.tensor(record["confusion"])
    assert int(moved.sum()) == 0  # as many photos
    assert int(moved.abs().sum()) <= 6


def test_packing_refuses_another_run(saved):
    record = evidence.load_record(saved["card"]["record"])
    with pytest.raises(checkpoint.CheckpointError, match="cards differ"):
        pack.pack(saved, record)


def test_packing_halves_and_names_the_record(tmp_path, capsys):
    record = evidence.load_record("flowers-narrow-cpu-seed0")
    weights = {"weight": torch.tensor([1 / 3])}
    path = tmp_path / "best.pt"
    checkpoint.save_file({"card": record["card"], "model": weights}, path)
    out = tmp_path / "packed.pt"
    command = [str(path), record["name"], "--out", str(out)]
    assert pack.main(command) == 0
    assert f"{out.stat().st_size:,}" in capsys.readouterr().out
    packed = checkpoint.load_checkpoint(out)
    assert packed["model"]["weight"].dtype == torch.float16
    assert packed["card"]["record"] == record["name"]
    assert pack.main([str(path), "no-such-record"]) == 1
