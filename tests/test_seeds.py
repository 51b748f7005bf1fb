"""Experiments over seeds: what is kept, what goes on, what is recorded."""

import json

import pytest
import torch
from torch import nn

from alexnet_lib import engine, evidence
from alexnet_lib.layers import count_parameters, layer_table
from alexnet_lib.model import alexnet_small
from benchmarks import ablations, cases, effects, seeds
from tests import tiny_experiments


@pytest.fixture
def as_before():
    """What prepares a process for experiments is undone."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(tmp_path, monkeypatch, as_before):
    """The tiny experiments as the only ones; records and results elsewhere."""
    monkeypatch.setitem(seeds.MODULES, "cases", tiny_experiments.__name__)
    monkeypatch.setattr(seeds, "BUILD", tmp_path / "build")
    monkeypatch.setattr(evidence, "RECORDS", tmp_path / "records")
    monkeypatch.setenv("TINY_BROKEN", str(tmp_path / "broken"))
    clean = {"commit": "c" * 40, "device": "any", "threads": 1}
    monkeypatch.setattr(evidence, "provenance", lambda device: dict(clean))
    return tmp_path


@pytest.fixture
def few(monkeypatch, as_before):
    """The lab run with a tenth of its pictures and one epoch, in float64."""
    some = cases.first(cases.drawn_garments(), 50, 30, 20)
    monkeypatch.setattr(cases, "drawn_garments", lambda: some)
    monkeypatch.setattr(effects, "EPOCHS", 1)
    monkeypatch.setattr(effects, "LONG", 2)
    monkeypatch.setattr(effects, "FEW", 50)
    torch.set_default_dtype(torch.float64)
    return some


def test_a_stopped_run_goes_on_and_is_recorded(tiny, capsys):
    (tiny / "broken").touch()
    with pytest.raises(ValueError, match="seed 1 is unlucky"):
        seeds.main(["cases", "--seeds", "2", "--jobs", "1"])
    assert not (tiny / "records").exists()
    (tiny / "broken").unlink()
    asked = ["cases", "--seeds", "2", "--jobs", "2"]
    assert seeds.main(asked) == 0
    # What was there was not measured again
    calls = (tiny / "broken.calls").read_text().split()
    assert sorted(calls) == ["0", "1", "1"]
    record = evidence.load_record("cases-cpu")
    assert (record["name"], record["kind"]) == ("cases-cpu", "seeds")
    assert record["command"] == "python -m benchmarks.seeds " + " ".join(asked)
    assert record["commit"] == "c" * 40
    assert record["runs"] == {
        "half": [
            {"seed": 0, "val_accuracy": 0.0, "train_loss": None},
            {"seed": 1, "val_accuracy": 0.5, "train_loss": None},
        ],
        # Each experiment had one thread
        "threads": [{"seed": 0, "count": 1}, {"seed": 1, "count": 1}],
        "fragile": [
            {"seed": 0, "val_accuracy": 1.0},
            {"seed": 1, "val_accuracy": 0.0},
        ],
    }
    assert "0.250 ± 0.354  " in capsys.readouterr().out


@pytest.fixture
def at_once(tiny, monkeypatch):
    """Every experiment gives one row, without a process."""

    def measure_all(name, experiments, count, folder, jobs):
        return {key: [{"seed": 0, "val_accuracy": 0.5}] for key in experiments}

    monkeypatch.setattr(seeds, "measure_all", measure_all)
    return tiny


def test_an_older_record_goes_only_when_asked(at_once, capsys):
    evidence.save_record({"name": "cases-cpu"})
    with pytest.raises(SystemExit):
        seeds.main(["cases"])
    assert "add --replace" in capsys.readouterr().err
    assert evidence.load_record("cases-cpu") == {"name": "cases-cpu"}
    seeds.main(["cases", "--seeds", "1", "--replace"])
    runs = evidence.load_record("cases-cpu")["runs"]
    assert list(runs) == ["half", "fragile"]


def test_a_look_at_some_is_not_recorded(at_once, capsys):
    seeds.main(["cases", "--only", "half", "--seeds", "1"])
    assert not (at_once / "records").exists()
    shown = capsys.readouterr().out
    assert "half" in shown and "fragile" not in shown


def test_results_of_changed_code_are_not_used_again(tiny):
    for commit, kept in (("a" * 40, True), ("a" * 40 + " changed", False)):
        result = seeds.results_folder("cases", commit) / "half-0.json"
        result.write_text("{}")
        seeds.results_folder("cases", commit)
        assert result.exists() == kept


def test_what_is_not_finite_is_not_kept(tiny, monkeypatch):
    monkeypatch.setitem(
        tiny_experiments.EXPERIMENTS, "half", tiny_experiments.not_finite
    )
    path = tiny / "half-0.json"
    with pytest.raises(ValueError, match="not JSON compliant"):
        seeds.measure(tiny_experiments.__name__, "half", 0, path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "ablations"),
        (["cases", "--seeds", "0"], "--seeds is 0"),
        (["cases", "--jobs", "-1"], "--jobs is -1"),
        (["cases", "--only", "healty"], "no 'healty', but half"),
    ],
)
def test_a_wrong_argument_gets_a_sentence(arguments, said, tiny, capsys):
    with pytest.raises(SystemExit) as stopped:
        seeds.main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_the_reader_s_loop_gives_the_numbers_of_the_library(few):
    setup = cases.garments(3).setup()
    by_hand = effects.train(setup, seed=3, epochs=2)
    setup = cases.garments(3).setup()
    state = engine.TrainState(setup.model, setup.optimizer)
    history = engine.fit(state, setup.train, setup.val, 2, seed=3)
    assert ablations.curves(by_hand) == ablations.curves(history)
    assert by_hand[1]["train_loss"] != by_hand[0]["train_loss"]
    assert not cases.criterion._forward_hooks


def test_the_healthy_run_is_looked_at_in_every_wrong_way(few):
    rows = effects.healthy(0)
    row = rows["healthy"]
    assert rows["val_is_train"]["val_accuracy"] == row["fitted_accuracy"]
    assert rows["val_is_train"]["val_count"] == 50
    assert rows["missing_class"]["test_loss"] == row["test_loss"]
    assert rows["missing_class"]["val_count"] < 30
    assert rows["wrong_normalization"]["val_loss"] != row["val_loss"]
    assert rows["not_scaled_later"]["test_loss"] != row["test_loss"]
    # Two more networks from one start; the first has got the weights
    loaded, fresh = (
        rows[name]["history"][0]["train_loss"]
        for name in ("strict_true", "strict_false")
    )
    assert loaded < fresh


def test_evaluation_inside_is_counted(few):
    rows = effects.evaluate_inside(0)
    inside, once = rows["evaluate_inside"], rows["evaluate_once"]
    assert inside["steps"] == once["steps"] == 2
    assert inside["images_trained"] == once["images_trained"] == 50
    assert once["images_evaluated"] == 30
    assert inside["images_evaluated"] == 30 * (2 + 1)
    each = sum(row.macs for row in layer_table(alexnet_small(), (1, 96, 96)))
    more = inside["multiply_adds"] - once["multiply_adds"]
    assert more == 30 * 2 * each


def test_the_best_epoch_is_reported_beside_the_last(few, monkeypatch):
    def trained(setup, seed, epochs):
        for _ in range(epochs):
            setup.learn(setup.model, setup.train, setup.optimizer)
        history = [
            {"epoch": 1, "val_accuracy": 0.5},
            {"epoch": 2, "val_accuracy": 0.4},
        ]
        return {"history": history, "val_accuracy": 0.4, "test_accuracy": 0.3}

    monkeypatch.setattr(effects, "trained", trained)
    shares = iter((0.45, 0.3))
    monkeypatch.setattr(effects, "accuracy", lambda *_: next(shares))
    rows = effects.best_reported(0)
    best, last = rows["best_reported"], rows["last_reported"]
    assert (best["epoch"], best["val_accuracy"]) == (1, 0.5)
    assert best["test_accuracy"] == 0.45
    assert best["test_accuracies"] == [0.45, 0.3]
    assert last == {"epoch": 2, "val_accuracy": 0.4, "test_accuracy": 0.3}


def test_every_experiment_trains_what_its_name_says(few):
    world = cases.garments(0)
    rates = {
        name: make(world).optimizer.param_groups[0]["lr"]
        for name, make in effects.BY_SGD.items()
    }
    assert rates.pop("large_batch_scaled") == 8 * effects.SGD_RATE
    assert set(rates.values()) == {effects.SGD_RATE}
    large = effects.BY_SGD["large_batch"](world)
    assert len(large.train) == 1
    assert len(effects.BY_SGD["sgd_xavier"](world).train) == 5
    for name, alpha in (("lrn_paper", 5e-4), ("lrn_alpha", 1e-4)):
        layers = effects.VARIANTS[name](world).model.modules()
        norms = [m for m in layers if isinstance(m, nn.LocalResponseNorm)]
        assert [m.alpha for m in norms] == [alpha] * 2


# The paper's ablations


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return ablations.VARIANTS[name].build()


@pytest.mark.parametrize("name", ablations.VARIANTS)
def test_each_ablation_keeps_the_shapes(name):
    usual, changed = (built(n).eval() for n in ("base", name))
    images = torch.zeros(2, 3, 96, 96)
    assert changed(images).shape == (2, 5)
    last = usual.features(images).shape
    assert changed.features(images).shape == last


def kinds(model: nn.Module) -> list[str]:
    layers = [*model.features, *model.classifier]
    return [type(layer).__name__ for layer in layers]


def test_each_ablation_changes_one_thing():
    base = built("base")
    usual = kinds(base)
    expected = ["Tanh" if kind == "ReLU" else kind for kind in usual]
    assert kinds(built("tanh")) == expected
    pools = [
        m
        for m in built("pooling_2x2").modules()
        if isinstance(m, nn.MaxPool2d)
    ]
    assert [(m.kernel_size, m.stride) for m in pools] == [(2, 2)] * 3
    names = [
        layer for layer in kinds(built("with_lrn")) if "Norm" not in layer
    ]
    assert names == usual
    assert kinds(built("with_lrn"))[:8] == [
        *("Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"),
        *("Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"),
    ]
    dropped = [
        m.p for m in built("no_dropout").modules() if isinstance(m, nn.Dropout)
    ]
    assert dropped == [0.0, 0.0]
    for name in ("tanh", "pooling_2x2", "with_lrn", "no_dropout"):
        same = zip(base.parameters(), built(name).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in same)


def test_towers_are_half_as_connected():
    def convolutions(name: str) -> list[nn.Conv2d]:
        return [m for m in built(name).modules() if isinstance(m, nn.Conv2d)]

    base, two, half = map(convolutions, ("base", "two_towers", "half_tower"))
    assert [m.groups for m in two] == [1, 2, 1, 2, 2]
    counts = [count_parameters(m) - len(m.bias) for m in base]
    assert [count_parameters(m) - len(m.bias) for m in two] == [
        count // m.groups for count, m in zip(counts, two, strict=True)
    ]
    assert [m.out_channels for m in half] == [12, 32, 48, 48, 64]
    # As strong a signal, in fewer weights
    for layers in (base, two, half):
        for layer in layers:
            expected = (2 / layer.weight[0].numel()) ** 0.5
            assert layer.weight.std().item() == pytest.approx(
                expected, rel=0.1
            )


@pytest.mark.parametrize(
    ("name", "biases"), [("recipe_paper", 5), ("recipe_kaiming", 0)]
)
def test_the_recipe_starts_as_it_says(name, biases):
    model = built(name)
    ones = [m for m in model.modules() if getattr(m, "bias", None) is not None]
    assert sum(bool((m.bias == 1).all()) for m in ones) == biases
    optimizer = ablations.VARIANTS[name].optimizer(model)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"]) == (0.01, 0.9)
    assert group["weight_decay"] == 5e-4


def test_colour_noise_differs_from_image_to_image():
    torch.manual_seed(0)
    # Every window of a gray field is the same: what differs is the colour
    gray = torch.full((3, 3, 110, 110), 128, dtype=torch.uint8)
    changed = ablations.crop_flip_color()(gray)
    assert changed.shape == (3, 3, 96, 96)
    colors = changed.mean(dim=(2, 3))
    assert torch.allclose(changed, colors[:, :, None, None])
    assert (colors[0] - colors[1]).abs().max() > 1e-3


def test_an_ablation_is_measured(monkeypatch):
    monkeypatch.setattr(ablations, "PHOTOS", 20)
    monkeypatch.setattr(ablations, "EPOCHS", 2)
    monkeypatch.setattr(ablations, "REACHED", 99.0)
    found = ablations.EXPERIMENTS["tanh"](0)
    assert set(found) == {"tanh"}
    row = found["tanh"]
    assert row["epochs_to_loss"] == 1
    assert [r["epoch"] for r in row["history"]] == [1, 2]
    assert row["train_loss"] == row["history"][1]["train_loss"]
    assert row["test_accuracy"] * 20 == pytest.approx(
        round(row["test_accuracy"] * 20)
    )
    json.dumps(found, allow_nan=False)
