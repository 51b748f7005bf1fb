import pytest
import torch
from torch import nn

from alexnet_lib import engine
from alexnet_lib.batches import Batches, DeviceLoader


def as_is(images):
    return images


def data():
    torch.manual_seed(0)
    images = torch.randn(64, 1, 4, 4)
    return images, (images.mean(dim=(1, 2, 3)) > 0).long()


def loaders(batch_size=8):
    return tuple(
        DeviceLoader(Batches(data(), batch_size, shuffle), as_is)
        for shuffle in (True, False)
    )


def new_state():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 16)
    return engine.TrainState(net, optimizer, scheduler)


def without_clock(history):
    return [
        {k: v for k, v in row.items() if k != "seconds"} for row in history
    ]


def test_fit_learns():
    history = engine.fit(new_state(), *loaders(), epochs=8)
    assert [row["epoch"] for row in history] == list(range(1, 9))
    assert history[-1]["val_accuracy"] > 0.9
    assert history[-1]["val_loss"] < history[0]["val_loss"]


def test_the_schedule_moves_once_per_batch():
    history = engine.fit(new_state(), *loaders(), epochs=3)  # 8 batches each
    assert [row["lr"] for row in history] == [0.5, 0.5, pytest.approx(0.05)]


@pytest.mark.parametrize("batch_size", [48, 63, 64, 100])
def test_evaluate_weighs_a_short_last_batch(batch_size):
    net = new_state().model.eval()
    images, labels = data()
    with torch.inference_mode():
        logits = net(images)
        loss = nn.functional.cross_entropy(logits, labels).item()
    accuracy = (logits.argmax(dim=1) == labels).double().mean().item()
    found = engine.evaluate(net, loaders(batch_size)[1], nn.CrossEntropyLoss())
    assert found == pytest.approx({"loss": loss, "accuracy": accuracy})


@pytest.mark.parametrize("mode", [True, False])
def test_evaluate_gives_the_mode_back(mode):
    net = new_state().model.train(mode)
    engine.evaluate(net, loaders()[1], nn.CrossEntropyLoss())
    assert all(layer.training == mode for layer in net.modules())


def test_mode_and_evaluations_of_a_run():
    """Train mode at each of 8 steps, one evaluation of 64 per epoch."""
    state, seen = new_state(), []
    hook = state.model[2].register_forward_hook(
        lambda layer, inputs, output: seen.append(
            (layer.training, len(output))
        )
    )
    engine.fit(state, *loaders(), epochs=2)
    hook.remove()
    assert seen == 2 * (8 * [(True, 8)] + 8 * [(False, 8)])


def test_a_resumed_run_ends_where_an_unbroken_one_does():
    unbroken, broken, resumed = new_state(), new_state(), new_state()
    engine.fit(unbroken, *loaders(), epochs=4)
    engine.fit(broken, *loaders(), epochs=2)
    resumed.load_state_dict(broken.state_dict())
    engine.fit(resumed, *loaders(), epochs=4)
    assert without_clock(resumed.history) == without_clock(unbroken.history)
    for a, b in zip(
        resumed.model.parameters(), unbroken.model.parameters(), strict=True
    ):
        assert torch.equal(a, b)


def test_every_epoch_has_its_own_shuffle():
    orders = []

    def remember(images):
        orders.append(images[0, 0, 0, 0].item())
        return images

    state = new_state()
    train = DeviceLoader(Batches(data(), 64, shuffle=True), remember)
    engine.fit(state, train, loaders()[1], epochs=3)
    assert len(set(orders)) == 3


def test_divergence_is_reported():
    state = new_state()
    with torch.no_grad():
        state.model[2].weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="epoch 1.*below 0.5"):
        engine.fit(state, *loaders(), epochs=1)


def test_an_empty_loader_is_reported():
    with pytest.raises(ValueError, match="gave no batch"):
        engine.evaluate(new_state().model, [], nn.CrossEntropyLoss())


def test_stop_early():
    state = new_state()
    state.history = [{"val_accuracy": a} for a in (0.5, 0.9, 0.9, 0.8)]
    assert engine.stop_early(patience=2)(state)
    assert not engine.stop_early(patience=3)(state)


def test_a_callback_that_returns_true_ends_the_run():
    seen = []
    callbacks = [lambda state: True, lambda state: seen.append(1)]
    history = engine.fit(new_state(), *loaders(), 5, callbacks)
    assert len(history) == len(seen) == 1


def test_the_best_epoch_is_the_first_of_equals():
    history = [{"n": n, "val_accuracy": a} for n, a in enumerate((1, 3, 3))]
    assert engine.best_epoch(history)["n"] == 1


def test_mixed_precision_runs_on_the_same_path():
    state = new_state()
    state.autocast = torch.autocast("cpu", torch.bfloat16)
    history = engine.fit(state, *loaders(), epochs=8)
    assert history[-1]["val_accuracy"] > 0.9
    assert state.model[2].weight.dtype == torch.float32
