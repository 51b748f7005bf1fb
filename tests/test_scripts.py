"""The two scripts, called as a user calls them."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from PIL import Image

from alexnet_lib import checkpoint, drawings, evidence
from tests.conftest import ROOT, load

SMALL = "--drawn --size small --images 150 --device cpu".split()


train, predict = load("scripts/train.py"), load("scripts/predict.py")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two epochs of drawn flowers, and what they printed."""
    out = tmp_path_factory.mktemp("run")
    command = ["flowers", *SMALL, "--epochs", "2", "--out", str(out)]
    assert train.main(command) == 0
    return out


def test_training_needs_no_git_where_nothing_is_recorded(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(evidence, "provenance", None)
    command = ["fashion", *SMALL, "--epochs", "1", "--out", str(tmp_path)]
    assert train.main(command) == 0


def test_training_says_how_it_went(tmp_path, capfd):
    command = ["fashion", *SMALL, "--epochs", "2", "--out", str(tmp_path)]
    assert train.main(command) == 0
    lines = capfd.readouterr().out.replace("\r", "\n").splitlines()
    epochs = [line for line in lines if line.startswith("epoch")]
    assert len(epochs) == 2 and "; val loss" in epochs[0]
    assert any("100%" in line for line in lines)
    assert lines[-1].startswith("test accuracy 0.")
    assert "standard error" in lines[-1] and "150 images" in lines[-1]
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"last.pt", "best.pt", "run.lock"}


def test_a_resumed_run_ends_as_an_unbroken_one(run, tmp_path, capfd):
    start = ["flowers", *SMALL, "--out", str(tmp_path)]
    assert train.main([*start, "--epochs", "1"]) == 0
    assert train.main([*start, "--epochs", "2", "--resume"]) == 0
    assert "resumed after epoch 1" in capfd.readouterr().out
    broken, whole = (
        checkpoint.load_checkpoint(folder / "last.pt")["model"]
        for folder in (tmp_path, run)
    )
    assert all(whole[name].equal(broken[name]) for name in whole)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains(precision, tmp_path):
    command = ["fashion", *SMALL, "--images", "80", "--epochs", "1"]
    command += ["--out", str(tmp_path), "--precision", precision]
    assert train.main(command) == 0  # a loss that is not finite gives 1
    saved = checkpoint.load_checkpoint(tmp_path / "last.pt")
    assert saved["card"]["precision"] == precision
    weights = saved["model"].values()
    assert all(weight.isfinite().all() for weight in weights)
    assert all(weight.dtype == torch.float32 for weight in weights)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("dataset", ["fashion", "flowers"])
def test_fp16_takes_no_fused_steps(dataset, precision, tmp_path):
    """On a CPU they miss that the scaler found an overflow: NaN follows."""
    command = [dataset, *SMALL, "--precision", precision, "--lr", "0.01"]
    args = train.parse_args([*command, "--out", str(tmp_path / "run")])
    arguments = {"channels": 1, "num_classes": 3}
    state = train.make_state(args, arguments, steps=4)
    assert state.optimizer.defaults["fused"] == (precision != "fp16")
    assert state.scaler.is_enabled() == (precision == "fp16")


def test_there_is_no_narrow_network_for_garments(capfd):
    with pytest.raises(SystemExit) as stop:
        train.main(["fashion", "--drawn", "--size", "narrow"])
    assert stop.value.code == 2
    assert "no narrow network for garments" in capfd.readouterr().err


def test_a_run_is_not_overwritten(run, capfd):
    before = (run / "last.pt").read_bytes()
    with pytest.raises(SystemExit) as stop:
        train.main(["flowers", *SMALL, "--out", str(run)])
    assert stop.value.code == 2
    assert "--resume" in capfd.readouterr().err
    assert (run / "last.pt").read_bytes() == before


def test_another_run_is_not_resumed(run, capfd):
    command = ["flowers", *SMALL, "--seed", "1", "--resume"]
    assert train.main([*command, "--out", str(run)]) == 1
    assert "seed 0, not 1" in capfd.readouterr().err


def test_a_record_is_kept(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(evidence, "RECORDS", tmp_path / "records")
    command = ["fashion", *SMALL, "--epochs", "1", "--record", "trial"]
    assert train.main([*command, "--out", str(tmp_path / "run")]) == 0
    record = evidence.load_record("trial")
    assert record["test_count"] == 150 and len(record["history"]) == 1
    assert record["data"]["name"] == "drawn fashion"
    with pytest.raises(SystemExit) as stop:
        train.main([*command, "--out", str(tmp_path / "other")])
    assert stop.value.code == 2


@pytest.mark.parametrize(
    "wrong, message",
    [
        (["--epochs", "0"], "--epochs is 0"),
        (["--epochs", "many"], "invalid int value: 'many'"),
        (["--images", "-1"], "--images is -1"),
        (["--lr", "0"], "--lr is 0"),
        (["--data", "no/such/folder"], "no folder no/such/folder"),
        (["--record", "A B", "--drawn"], "cannot name a record"),
        (["--precision", "fp8"], "fp8"),
        (["--device", "abacus", "--drawn"], "abacus"),
    ],
)
def test_wrong_use_exits_with_2(wrong, message, tmp_path, capfd):
    with pytest.raises(SystemExit) as stop:
        train.main(["fashion", "--out", str(tmp_path / "run"), *wrong])
    assert stop.value.code == 2
    assert message in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def failed(argv, capfd, main):
    assert main(argv) == 1
    out, err = capfd.readouterr()
    assert err.startswith("error: ") and err.count("\n") == 1
    assert "Traceback" not in out + err
    return err


def test_an_empty_data_folder_is_named(tmp_path, capfd):
    for dataset in ("fashion", "flowers"):
        command = [dataset, "--data", str(tmp_path)]
        command += ["--out", str(tmp_path / "run")]
        assert str(tmp_path) in failed(command, capfd, train.main)


@pytest.mark.parametrize("dataset", ["fashion", "flowers"])
def test_a_download_that_fails_says_what_to_do(
    dataset, tmp_path, monkeypatch, capfd
):
    def offline(*args, **kwargs):
        raise OSError("name or service not known\nand more\nlines")

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", offline)
    command = [dataset, "--data", str(tmp_path / "data"), "--download"]
    command += ["--out", str(tmp_path / "run"), "--device", "cpu"]
    err = failed(command, capfd, train.main)
    assert "name or service not known" in err and "drawn" in err
    assert str(tmp_path / "data") in err
    assert not (tmp_path / "run").exists()


def test_a_photo_that_is_none_is_named_before_training(bad_photo, capfd):
    command = ["flowers", "--size", "small", "--data", str(bad_photo)]
    command += ["--out", str(bad_photo / "run"), "--device", "cpu"]
    assert train.main(command) == 1
    err = capfd.readouterr().err
    assert err.count("bad.jpg") == 1 and "--skip-bad" in err
    assert not (bad_photo / "run").exists()


def test_an_output_folder_that_cannot_be_is_named(tmp_path, capfd):
    (tmp_path / "file").write_text("in the way")
    out = str(tmp_path / "file" / "run")
    err = failed(["fashion", *SMALL, "--out", out], capfd, train.main)
    assert out in err and "another folder with --out" in err


def own(run: Path) -> list[str]:
    return ["--checkpoint", str(run / "best.pt")]


def test_the_network_that_comes_along_names_a_photo(tmp_path, capfd):
    Image.new("RGB", (300, 400), "gold").save(tmp_path / "b.png")
    assert predict.main([str(tmp_path / "b.png"), "--top", "5"]) == 0
    named = capfd.readouterr().out.split("b.png: ")[1].split()
    kinds = ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
    assert sorted(named[::2]) == kinds
    assert sum(map(float, named[1::2])) == pytest.approx(1, abs=0.003)


def test_predicting_a_folder(run, capfd):
    folder = drawings.flowers_folder() / "tulips"
    command = [str(folder), *own(run), "--json", "--top", "2"]
    assert predict.main(command) == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(rows) == 200
    for row in rows:
        (first, second) = row["top"]
        assert set(first) == {"class", "probability"}
        assert first["probability"] >= second["probability"] > 0


def test_a_bad_file_does_not_stop_the_others(run, tmp_path, capfd):
    (tmp_path / "a.jpg").write_text("no image")
    Image.new("RGB", (50, 40), "red").save(tmp_path / "b.png")
    (tmp_path / "notes.txt").write_text("passed over")
    command = [str(tmp_path), *own(run), "--json"]
    assert predict.main(command) == 1
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert "a.jpg" in rows[0]["error"] and set(rows[0]) == {"file", "error"}
    assert sum(t["probability"] for t in rows[1]["top"]) <= 1.0001
    assert predict.main(command[:-1]) == 1
    out, err = capfd.readouterr()
    assert "a.jpg" in err and "b.png: " in out


def test_the_prediction_is_the_networks(run, capfd):
    """The script and the validation path see the same pixels."""
    from alexnet_lib.batches import Batches, DeviceLoader, preprocess
    from alexnet_lib.data import photo_splits
    from alexnet_lib.inference import confusion_matrix, predict_all

    model, card = checkpoint.load_model(run / "best.pt")
    _, splits, _ = photo_splits(drawings.flowers_folder(), 110)
    photos = splits["val"]
    loader = DeviceLoader(
        Batches(photos.in_memory(), 32), preprocess(**card["preprocess"])
    )
    correct = int(confusion_matrix(*predict_all(model, loader)).trace())
    files = [str(path) for path in photos.paths]
    predict.main([*files, *own(run), "--json", "--top", "1"])
    lines = capfd.readouterr().out.splitlines()
    found = [json.loads(line)["top"][0]["class"] for line in lines]
    wanted = [path.parent.name for path in photos.paths]
    assert sum(map(str.__eq__, found, wanted)) == correct


def test_checkpoints_that_are_none(tmp_path, capfd):
    with pytest.raises(SystemExit) as stop:
        predict.main([str(tmp_path), "--checkpoint", "gone.pt"])
    assert stop.value.code == 2 and "gone.pt" in capfd.readouterr().err
    (tmp_path / "text.pt").write_text("hello")
    command = [str(tmp_path), "--checkpoint", str(tmp_path / "text.pt")]
    assert "text.pt" in failed(command, capfd, predict.main)


@pytest.mark.parametrize("script", ["train", "predict"])
def test_help_has_examples(script):
    path = ROOT / "scripts" / f"{script}.py"
    done = subprocess.run(
        [sys.executable, path, "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
        check=True,
    )
    assert "examples:" in done.stdout
    assert f"python scripts/{script}.py" in done.stdout


def test_a_second_run_into_one_folder_is_refused(tmp_path, capfd):
    command = ["fashion", *SMALL, "--epochs", "1", "--out", str(tmp_path)]
    with FileLock(tmp_path / "run.lock"):
        err = failed(command, capfd, train.main)
    assert "another run is at work in" in err and str(tmp_path) in err
    assert not (tmp_path / "last.pt").exists()


def test_what_a_killed_run_was_writing_is_removed(tmp_path):
    left = tmp_path / "last.pt.123.partial"
    left.write_text("half of a checkpoint")
    train.hold(tmp_path).lock.release()
    assert not left.exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_run_stops_after_the_step_and_says_how_to_go_on(
    name, tmp_path, monkeypatch, capfd
):
    number = getattr(signal, name)
    seen = []

    def signalled(loader, part):
        """The signal comes in the middle of a step of epoch 2."""
        for place, batch in enumerate(loader):
            seen.append(part)
            if "evaluate" in seen and part == "train" and place == 1:
                os.kill(os.getpid(), number)
            yield batch

    monkeypatch.setattr(train.engine, "progress", signalled)
    usual = signal.getsignal(number)
    command = ["fashion", *SMALL, "--epochs", "3", "--out", str(tmp_path)]
    assert train.main(command) == 128 + number
    assert signal.getsignal(number) is usual
    err = capfd.readouterr().err
    assert "last whole epoch" in err and err.rstrip().endswith("--resume")
    saved = checkpoint.load_checkpoint(tmp_path / "last.pt")
    assert len(saved["history"]) == 1
    steps = saved["scheduler"]["last_epoch"]  # the scheduler counts steps
    assert seen.count("train") == steps + 2


def test_a_run_that_kept_nothing_says_so(tmp_path, monkeypatch, capfd):
    def at_once(loader, part):
        for batch in loader:
            os.kill(os.getpid(), signal.SIGINT)
            yield batch

    monkeypatch.setattr(train.engine, "progress", at_once)
    command = ["fashion", *SMALL, "--epochs", "1", "--out", str(tmp_path)]
    assert train.main(command) == 130
    assert "nothing was kept" in capfd.readouterr().err


FAULTS = """
import ctypes, resource, sys, torch
sys.path.insert(0, "scripts")
if sys.argv[1] == "kept":
    from train import keep_memory
    keep_memory()
torch.set_num_threads(1)
for number in range(24):
    if number == 4:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24)  # 64 MB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")),
    reason="only glibc is told to keep memory",
)
def test_kept_memory_is_not_fetched_anew():
    fetched = {
        way: int(
            subprocess.run(
                [sys.executable, "-c", FAULTS, way],
                capture_output=True,
                check=True,
                text=True,
                cwd=ROOT,
            ).stdout
        )
        for way in ("kept", "given back")
    }
    # Twenty times 64 MB, in pages of 4 kB or larger ones; a block of the kept
    # ones may be split by something small once in a while
    assert fetched["kept"] * 10 < fetched["given back"]
