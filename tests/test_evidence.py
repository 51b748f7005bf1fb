import json
import re
from importlib import import_module
from statistics import median

import pytest
import torch

from alexnet_lib import data, evidence
from alexnet_lib.model import ARCHITECTURES
from benchmarks import checks, machine, seeds
from tests.faults import FAMILIES
from tools import prove
from tools.sync_taught import notebooks

NAMES = sorted(path.stem for path in evidence.RECORDS.glob("*.json"))
KINDS = {name: evidence.load_record(name).get("kind", "run") for name in NAMES}
RUNS = [name for name in NAMES if KINDS[name] == "run"]
BENCHMARKS = [name for name in NAMES if KINDS[name] == "benchmark"]
TIMES = [name for name in NAMES if KINDS[name] == "notebooks"]
FAULTS = [name for name in NAMES if KINDS[name] == "faults"]
SEEDS = [name for name in NAMES if KINDS[name] == "seeds"]
KEYS = {
    "name",
    "command",
    "commit",
    "date",
    "device",
    "versions",
    "data",
    "seed",
    "history",
    "test_accuracy",
    "test_count",
    "seconds_per_epoch",
    "images_per_second",
    "peak_memory_bytes",
}


@pytest.fixture
def records(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "RECORDS", tmp_path)
    for seed, accuracy in enumerate((0.880, 0.890)):
        evidence.save_record(
            {
                "name": f"run-{seed}",
                "test_accuracy": accuracy,
                "test_count": 10_000,
            }
        )
    return ["run-0", "run-1"]


def test_a_record_comes_back_and_is_not_overwritten(records):
    assert evidence.load_record("run-0")["test_accuracy"] == 0.88
    with pytest.raises(FileExistsError):
        evidence.save_record({"name": "run-0"})
    assert evidence.load_record("run-0")["test_accuracy"] == 0.88


def test_an_unknown_record_names_the_known_ones(records):
    with pytest.raises(FileNotFoundError, match="run-0, run-1"):
        evidence.load_record("run-2")


@pytest.mark.parametrize("name", ["", "../x", "A B", "a/b"])
def test_a_record_needs_a_plain_name(name):
    with pytest.raises(ValueError, match="cannot name a record"):
        evidence.record_path(name)


def test_inside_the_band_it_prints(records, capsys):
    evidence.in_band("test accuracy", 0.885, records)
    # two standard errors: 0.0065 below 0.88, 0.0063 above 0.89
    shown = "test accuracy: 0.885, expected 0.874 to 0.896\n"
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("value", [0.87, 0.90, float("nan")])
def test_outside_the_band_it_raises(records, value):
    with pytest.raises(AssertionError, match="learning rate"):
        evidence.in_band("test accuracy", value, records)


def test_a_wide_band_is_refused(records):
    wide = {"name": "few", "test_accuracy": 0.7, "test_count": 100}
    evidence.save_record(wide)
    with pytest.raises(ValueError, match="too wide"):
        evidence.in_band("test accuracy", 0.7, ["few"])


def test_standard_error_is_that_of_many_draws():
    torch.manual_seed(0)
    draws = (torch.rand(2000, 400) < 0.8).double().mean(dim=1)
    expected = evidence.standard_error(0.8, 400)
    assert draws.std().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", RUNS)
def test_a_committed_record_is_whole(name):
    record = evidence.load_record(name)
    assert record["name"] == name
    assert set(record) >= KEYS
    correct = record["test_accuracy"] * record["test_count"]
    assert correct == pytest.approx(round(correct), abs=1e-6)
    epochs = [row["epoch"] for row in record["history"]]
    assert epochs == list(range(1, len(epochs) + 1))
    assert f"--epochs {len(epochs)} " in record["command"]
    assert record["test_count"] == record["data"]["test"]
    confusion = torch.tensor(record["confusion"])
    assert int(confusion.sum()) == record["test_count"]
    assert int(confusion.trace()) == round(correct)
    assert record["card"]["arch"] in ARCHITECTURES
    assert " changed" not in record["commit"]
    text = json.dumps(record)
    assert "/home/" not in text and "/root" not in text


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_committed_benchmark_is_whole(name):
    record = evidence.load_record(name)
    assert (record["name"], record["kind"]) == (name, "benchmark")
    assert set(record) >= {"command", "device", "versions", "rows", "date"}
    if "checks" in record:  # else nothing was compared
        assert checks.broken(record["checks"]) == []
    else:
        assert record["rows"] == []
    assert " changed" not in record["commit"]
    rows = {(row["group"], row["name"]): row for row in record["rows"]}
    for ratio in record["ratios"]:
        fast, slow = (
            rows[ratio["group"], ratio[which]] for which in ("of", "against")
        )
        assert ratio["rounds"] == pytest.approx(
            [
                fast["images"] / a * b / slow["images"]
                for a, b in zip(fast["seconds"], slow["seconds"], strict=True)
            ]
        )
        assert ratio["median"] == median(ratio["rounds"])
    assert record["drift"] == machine.drift(record["first"], record["last"])
    text = json.dumps(record)
    assert "/home/" not in text and "/root" not in text


@pytest.mark.parametrize("name", FAULTS)
def test_a_committed_count_of_faults_is_whole(name):
    """All families in full numbers, and nothing lost."""
    record = evidence.load_record(name)
    assert record["name"] == name and " changed" not in record["commit"]
    assert record["command"] == f"python -m tests.faults --record {name}"
    assert [f["name"] for f in record["families"]] == list(FAMILIES)
    for family in record["families"]:
        module = import_module(f"tests.faults.{family['name']}")
        assert family["lost"] == 0
        assert family["tried"] == family["survived"] >= module.FULL
        assert sum(family["kinds"].values()) == family["tried"]
    held = {b.test.partition("[")[0] for b in prove.breakages()}
    assert {*record["cases"]} == held and min(record["cases"].values()) > 0
    text = json.dumps(record)
    assert "/home/" not in text and "/root" not in text


@pytest.mark.parametrize("name", SEEDS)
def test_a_committed_record_of_seeds_is_whole(name):
    """Of the data and settings of today, every variant with all seeds."""
    record = evidence.load_record(name)
    assert record["name"] == name and " changed" not in record["commit"]
    asked = name.removesuffix("-cpu")
    assert record["command"].split()[2:4] == ["benchmarks.seeds", asked]
    module = import_module(seeds.MODULES[asked])
    assert {"data": record["data"], "settings": record["settings"]} == (
        module.about()
    )
    runs = record["runs"]
    assert set(module.EXPERIMENTS) <= set(runs)
    count = len(next(iter(runs.values())))
    for variant, rows in runs.items():
        assert [row["seed"] for row in rows] == list(range(count)), variant
        for row in rows:
            assert_counted(row, record["data"])
    text = json.dumps(record)
    assert "/home/" not in text and "/root" not in text


def assert_counted(row: dict, counts: dict) -> None:
    """Accuracies are of whole images, and a history ends in its row."""
    for split in ("val", "test"):
        count = row.get(f"{split}_count", counts[split])
        right = row.get(f"{split}_accuracy", 0) * count
        assert right == pytest.approx(round(right), abs=1e-6)
    history = row.get("history", [])
    assert [r["epoch"] for r in history] == list(range(1, len(history) + 1))
    if history and "train_loss" in row:
        assert history[-1]["train_loss"] == row["train_loss"]
        assert history[-1]["val_accuracy"] == row["val_accuracy"]


@pytest.mark.parametrize("name", TIMES)
def test_a_committed_record_of_times_has_every_notebook(name):
    record = evidence.load_record(name)
    assert record["name"] == name and " changed" not in record["commit"]
    assert set(record["notebooks"]) == {path.stem for path in notebooks()}
    for took in record["notebooks"].values():
        assert 0 < took["seconds"] <= 90
        assert 2**28 < took["peak_memory_bytes"] < 3e9


@pytest.mark.parametrize("name", RUNS)
def test_a_committed_record_is_of_the_data_it_names(name, real_data):
    record = evidence.load_record(name)
    if record["data"]["name"] == "Fashion-MNIST":
        found = data.fashion_mnist(real_data)
        checksum = found.checksum
        counts = [len(s.labels) for s in (found.train, found.val, found.test)]
    else:
        _, splits, checksum = data.photo_splits(
            real_data / "flower_photos", side=256
        )
        counts = [len(splits[s]) for s in ("train", "val", "test")]
    assert checksum == record["data"]["checksum"]
    if limit := re.search(r"--images (\d+)", record["command"]):
        counts = [min(count, int(limit[1])) for count in counts]
    names = ("train", "val", "test")
    assert counts == [record["data"][split] for split in names]


def test_provenance_says_what_ran():
    found = evidence.provenance(torch.device("cpu"))
    assert found["versions"]["torch"] == torch.__version__
    assert len(found["date"]) == 10 and found["device"]
    assert evidence.peak_memory(torch.device("cpu")) > 100e6
