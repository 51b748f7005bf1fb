"""The benchmark's checks and counts, which need no clock."""

import copy
import json

import pytest
import torch
from torch import nn

from alexnet_lib import data, engine
from alexnet_lib.batches import Batches, DeviceLoader, preprocess
from alexnet_lib.init import init_kaiming
from alexnet_lib.model import alexnet_fashion, alexnet_small
from benchmarks import __main__ as bench
from benchmarks import (
    accuracy,
    checks,
    clock,
    garments,
    growth,
    machine,
    report,
)

SIDE = 96
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def counts():
    torch.manual_seed(0)
    return checks.counts(alexnet_small(), SIDE)


@pytest.fixture(scope="module")
def equality():
    model = alexnet_fashion()
    init_kaiming(model)  # so that its answers differ from image to image
    return checks.equality(model, 224, 10, CPU)


def test_what_is_fast_is_equal(equality):
    assert checks.broken(equality) == []
    assert equality["pixels_apart"] == 0
    # Equal to the last bit would mean that one way was compared with itself
    assert equality["weights_apart"] > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"pixels_apart": 1},
        {"loss_apart": 2e-4},
        {"weights_apart": float("nan")},
        {"accuracy_library": 0.5},
    ],
)
def test_a_difference_stops_the_benchmark(equality, wrong):
    assert len(checks.broken({**equality, **wrong})) == 1


def test_a_different_resize_is_seen(monkeypatch):
    def nearest(*sizes, mean, std):
        return lambda x: nn.functional.interpolate(x / 255, sizes[0])

    garments_drawn = data.drawn_fashion().test.images[:8]
    assert checks.pixels_apart(garments_drawn, SIDE) == 0
    monkeypatch.setattr(checks, "preprocess", nearest)
    assert checks.pixels_apart(garments_drawn, SIDE) > 50


def test_a_different_step_is_seen(monkeypatch):
    torch.manual_seed(0)
    loader = DeviceLoader(
        Batches(data.drawn_fashion().test.first(8), 8),
        preprocess(SIDE, SIDE, **garments.NORMAL),
    )
    model = alexnet_small()
    assert checks.step_apart(model, loader)["weights"] < checks.TOLERANCE
    train = engine.train_one_epoch

    def twice(state, batches, criterion):
        train(state, batches, criterion)
        return train(state, batches, criterion)

    monkeypatch.setattr(engine, "train_one_epoch", twice)
    assert checks.step_apart(model, loader)["weights"] > checks.TOLERANCE


def test_the_two_layouts_are_two():
    images = data.drawn_fashion().test.first(4)
    prepare = preprocess(SIDE, SIDE, **garments.NORMAL)
    loader = DeviceLoader(Batches(images, 4), prepare)
    (last, _), (usual, _) = (
        next(iter(way)) for way in (loader, garments.UsualLayout(loader))
    )
    assert torch.equal(last, usual)
    # With one channel both count as contiguous; the strides decide
    assert last.stride() != usual.stride()


def test_post_1_evaluates_at_each_step_and_leaves_eval_mode(counts):
    found = counts["post 1, as it behaves"]
    assert found["steps"] == found["evaluations"] == 3
    assert found["images_evaluated"] == 3 * 8
    assert found["modes"] == [True, False, False]
    assert not found["mode_after"]


def test_once_an_epoch_is_once_an_epoch(counts):
    found = counts["evaluation once an epoch"]
    assert (found["steps"], found["evaluations"]) == (3, 1)
    assert found["images_evaluated"] == 8
    assert found["modes"] == [True] * 3


def test_the_library_evaluates_once_and_waits_four_times(counts):
    found = counts["the library"]
    assert (found["steps"], found["evaluations"]) == (3, 1)
    assert found["images_trained"] == 12
    assert found["images_evaluated"] == 8
    assert found["modes"] == [True] * 3 and found["mode_after"]
    # Two sums at the end of training, two at that of the evaluation
    assert found["waits"] == 4


def test_all_loops_train_on_the_same_number_of_images(counts):
    assert {row["images_trained"] for row in counts.values()} == {12}


def test_operations_of_the_fashion_network():
    with torch.device("meta"):
        model = alexnet_fashion()
    forward, learning = garments.operations(model, (1, 224, 224))
    # Counted by hand, layer by layer, in multiply-adds
    conv1 = 54 * 54 * 96 * 121
    layers = [
        conv1,
        26 * 26 * 256 * 96 * 25,
        12 * 12 * 384 * 256 * 9,
        12 * 12 * 384 * 384 * 9,
        12 * 12 * 256 * 384 * 9,
        6400 * 4096,
        4096 * 4096,
        4096 * 10,
    ]
    assert forward == 2 * sum(layers)
    assert learning == 2 * (3 * sum(layers) - conv1)


@pytest.mark.parametrize("side", [96, 224])
def test_a_network_of_another_width_or_side_runs(side):
    images = torch.zeros(2, 1, side, side)
    assert growth.network(side, 0.25)(images).shape == (2, 10)


def test_at_full_width_it_is_the_library_s():
    wide, usual = growth.network(224, 1.0), alexnet_fashion()
    shapes = {name: p.shape for name, p in usual.named_parameters()}
    assert {n: p.shape for n, p in wide.named_parameters()} == shapes


def test_growth_is_measured_in_a_process_of_its_own():
    held = torch.ones(2**28)  # 1 GB here, which the child has not
    small = {"batch": 2, "width": 0.25, "side": 96}
    large = {**small, "width": 1.0}
    found = growth.measure(1, {"width": [small, large]})["width"]
    assert found[0]["parameters"] < found[1]["parameters"]
    assert 0 < found[0]["memory_bytes"] < found[1]["memory_bytes"]
    # The weights, their gradients, and little else for two images
    assert found[1]["memory_bytes"] > 8 * found[1]["parameters"]
    assert found[1]["memory_bytes"] < held.nbytes
    assert all(point["seconds"] > 0 for point in found)


def test_time_to_accuracy_counts_whole_epochs():
    history = [
        {"seconds": 10.0, "val_accuracy": 0.85},
        {"seconds": 20.0, "val_accuracy": 0.88},
        {"seconds": 40.0, "val_accuracy": 0.87},
    ]
    assert accuracy.seconds_to(history, 0.88) == 30.0
    assert accuracy.seconds_to(history, 0.92) is None


def test_time_to_accuracy_is_measured_by_the_script(monkeypatch):
    monkeypatch.setattr(accuracy, "EPOCHS", 1)
    found = accuracy.measure(CPU, True, "--images", "64")
    assert (found["network"], found["epochs"]) == ("alexnet_small", 1)
    assert set(found["seconds"]) == {"0.88", "0.92"}
    assert "after 30 s" in report.accuracy({**found, "seconds": {"0.88": 30}})


def test_time_to_accuracy_needs_the_real_data(monkeypatch, capsys):
    monkeypatch.delenv("ALEXNET_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="ALEXNET_DATA"):
        accuracy.measure(CPU)


def row(name: str, images: int, seconds: list[float], others=0.0):
    made = clock.Row("test", name, images, 1e9, lambda: None)
    made.seconds = seconds
    made.cpu = [2 * s for s in seconds]
    made.others = [others] * len(seconds)
    made.limits = [1e10 * s for s in seconds]
    return made


def test_ratios_are_taken_round_by_round_and_per_image():
    slow = row("slow", 10, [4.0, 8.0, 6.0])
    fast = row("fast", 20, [2.0, 2.0, 4.0])
    found = clock.compare(fast, slow)
    assert found["rounds"] == [4.0, 8.0, 3.0]
    assert (found["median"], found["lowest"], found["highest"]) == (4, 3, 8)
    assert not found["contended"]


def test_what_others_use_marks_a_row():
    busy = row("busy", 10, [1.0, 1.0], others=0.3)
    result = busy.result()
    assert result["contended"]
    assert result["cpu_per_wall_second"] == 2.0
    assert result["share_of_product_rate"] == pytest.approx(0.1)
    assert not row("idle", 10, [1.0, 1.0], others=0.05).contended


def test_rows_are_run_in_turn(monkeypatch):
    order = []
    rows = [
        clock.Row("test", name, 1, 0.0, lambda name=name: order.append(name))
        for name in "ab"
    ]
    rows[0].warm = lambda: order.append("warm")
    clock.time_in_turn(rows, 2, CPU)
    assert order == ["warm", "b", "b", "a", "a", "b"]
    assert [len(r.seconds) for r in rows] == [2, 2]
    assert all(limit > 0 for r in rows for limit in r.limits)


def test_the_share_of_the_limit_is_taken_round_by_round():
    steady = row("steady", 10, [1.0, 2.0, 4.0])  # 1e9 operations each
    steady.limits = [2e9, 1e9, 1e9]
    result = steady.result()
    assert result["shares"] == [0.5, 0.5, 0.25]
    assert result["share_of_product_rate"] == 0.5


def test_goals_are_judged():
    def ratio(median, contended=False):
        return {
            "group": "flowers, training",
            "of": "the library",
            "against": "post 2",
            "median": median,
            "contended": contended,
        }

    found = report.goals(
        {
            "on": "cpu",
            "rows": [],
            "ratios": [ratio(1.2), ratio(1.4), ratio(1.6), ratio(1.2, True)],
        }
    )
    reached = [goal["reached"] for goal in found]
    assert reached == ["no", "yes", "aim", "contended"]


def test_drift_is_the_largest_change():
    first = {"fp32": 100.0, "bf16": 100.0}
    last = {"fp32": 95.0, "bf16": 120.0}
    assert machine.drift(first, last) == pytest.approx(0.2)


def test_the_work_of_child_processes_is_seen():
    used = machine.seconds_used()
    if used is None:
        pytest.skip("only Linux tells what others use")
    assert used[0] > 0 and used[1] > 0


def test_only_what_is_asked_for_is_run(tmp_path, capsys, monkeypatch):
    best_time = machine.best_time
    monkeypatch.setattr(
        machine,
        "best_time",
        lambda work, device, _=0: best_time(work, device, 1),
    )
    path = tmp_path / "found.json"
    asked = ["--only", "counts", "--device", "cpu", "--json", str(path)]
    assert bench.main(asked) == 0
    found = json.loads(path.read_text())
    assert found["kind"] == "benchmark" and found["name"] == "found"
    assert found["command"] == "python -m benchmarks " + " ".join(asked)
    assert found["rows"] == [] and "checks" not in found
    assert (
        set(found["first"])
        == set(found["last"])
        == {
            "fp32",
            "bf16",
            "copy",
        }
    )
    shown = capsys.readouterr().out
    assert "steps in" in shown and "matrix products" in shown
    assert [p.name for p in tmp_path.iterdir()] == ["found.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "ladders"], "ladder"),
        (["--threads", "0"], "at least 1"),
        (["--device", "cuda:99"], "no 'cuda:99'"),
        (["--json", "no/such/x.json"], "no folder no/such"),
    ],
)
def test_a_wrong_argument_gets_a_sentence(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        bench.main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_a_checked_copy_leaves_the_model_alone():
    model = alexnet_small()
    before = copy.deepcopy(model.state_dict())
    assert all(
        m.p == 0
        for m in checks.without_dropout(model).modules()
        if isinstance(m, nn.Dropout)
    )
    assert any(m.p for m in model.modules() if isinstance(m, nn.Dropout))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
