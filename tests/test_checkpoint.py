import errno
import os

import pytest
import torch

from alexnet_lib import checkpoint, engine, model
from tests.faults.checkpoints import CARD
from tests.test_engine import loaders, new_state, without_clock


def test_a_run_resumed_from_its_file_ends_where_an_unbroken_one_does(tmp_path):
    unbroken, broken, resumed = new_state(), new_state(), new_state()
    engine.fit(unbroken, *loaders(), epochs=4)
    keep = checkpoint.keep_last_and_best(tmp_path, CARD)
    engine.fit(broken, *loaders(), epochs=2, callbacks=[keep])
    checkpoint.resume(tmp_path / "last.pt", resumed, CARD)
    engine.fit(resumed, *loaders(), epochs=4)
    assert without_clock(resumed.history) == without_clock(unbroken.history)
    for a, b in zip(
        resumed.model.parameters(), unbroken.model.parameters(), strict=True
    ):
        assert torch.equal(a, b)
    momentum, expected = (
        [s["momentum_buffer"] for s in x.optimizer.state.values()]
        for x in (resumed, unbroken)
    )
    assert all(map(torch.equal, momentum, expected))


@pytest.mark.parametrize("moment", ["save", "fsync", "replace"])
def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch, moment):
    path = tmp_path / "last.pt"
    checkpoint.save_file({"card": {"age": "old"}, "model": {}}, path)

    def fail(*args):
        raise OSError(errno.ENOSPC, "disk full")

    owner = torch if moment == "save" else os
    monkeypatch.setattr(owner, moment, fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save_file({"card": {"age": "new"}, "model": {}}, path)
    assert checkpoint.load_checkpoint(path)["card"] == {"age": "old"}
    assert os.listdir(tmp_path) == ["last.pt"]


def test_a_folder_that_vanished_is_not_made_again(tmp_path):
    path = tmp_path / "deleted" / "last.pt"
    with pytest.raises(
        OSError, match="No such file.*was there before is whole"
    ):
        checkpoint.save_file({"card": {}, "model": {}}, path)
    assert not path.parent.exists()


def test_a_resumed_run_goes_on_in_its_schedule(tmp_path):
    states = [new_state(), new_state()]
    for state in states:
        state.scheduler = torch.optim.lr_scheduler.StepLR(state.optimizer, 3)
    keep = checkpoint.keep_last_and_best(tmp_path, CARD)
    engine.fit(states[0], *loaders(), epochs=1, callbacks=[keep])
    checkpoint.resume(tmp_path / "last.pt", states[1], CARD)
    steps = [state.scheduler.last_epoch for state in states]
    assert steps[0] == steps[1] > 0
    for state in states:
        state.scheduler.step()
    assert (
        states[0].scheduler.get_last_lr() == states[1].scheduler.get_last_lr()
    )


def test_the_best_is_kept_when_later_epochs_are_worse(tmp_path):
    state = new_state()
    keep = checkpoint.keep_last_and_best(tmp_path, CARD)
    for epoch, accuracy in enumerate([0.5, 0.8, 0.6], start=1):
        state.history.append({"epoch": epoch, "val_accuracy": accuracy})
        keep(state)
    best = checkpoint.load_checkpoint(tmp_path / "best.pt")
    last = checkpoint.load_checkpoint(tmp_path / "last.pt")
    assert len(best["history"]) == 2 and len(last["history"]) == 3
    with pytest.raises(checkpoint.CheckpointError, match="resume from last"):
        checkpoint.resume(tmp_path / "best.pt", state, CARD)


def test_best_is_written_before_last(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        checkpoint,
        "save_file",
        lambda content, path: written.append(path.name),
    )
    state = new_state()
    state.history = [{"epoch": 1, "val_accuracy": 0.5}]
    checkpoint.keep_last_and_best(tmp_path, CARD)(state)
    assert written == ["best.pt", "last.pt"]


def test_load_model_needs_nothing_but_the_file(tmp_path):
    net = model.alexnet_small(1, 3)
    content = {"card": CARD, "model": net.state_dict()}
    checkpoint.save_file(content, tmp_path / "best.pt")
    loaded, card = checkpoint.load_model(tmp_path / "best.pt")
    images = torch.randn(2, 1, 96, 96)
    assert card == CARD and not loaded.training
    assert torch.equal(loaded(images), net.eval()(images))


def bad_files(folder):
    good = folder / "good.pt"
    net = model.alexnet_small(1, 3)
    checkpoint.save_file({"card": CARD, "model": net.state_dict()}, good)
    whole = good.read_bytes()
    (folder / "empty.pt").write_bytes(b"")
    (folder / "text.pt").write_text("not a checkpoint at all")
    (folder / "half.pt").write_bytes(whole[: len(whole) // 2])
    torch.save(net, folder / "whole_model.pt")
    torch.save(net.state_dict(), folder / "state_dict.pt")
    other = {**CARD, "arch": "resnet"}
    checkpoint.save_file({"card": other, "model": {}}, folder / "arch.pt")
    other = {**CARD, "arguments": {"channels": 1, "num_classes": 4}}
    content = {"card": other, "model": net.state_dict()}
    checkpoint.save_file(content, folder / "classes.pt")
    return {
        "missing.pt": "no checkpoint at",
        "empty.pt": "no file of torch.save",
        "text.pt": "no file of torch.save",
        "half.pt": "is damaged",
        "whole_model.pt": "would run alexnet_lib.model.AlexNet",
        "state_dict.pt": "has no card",
        "arch.pt": "resnet",
        "classes.pt": "do not fit alexnet_small",
    }


def test_what_is_no_checkpoint_is_refused_by_name(tmp_path):
    for name, message in bad_files(tmp_path).items():
        with pytest.raises(checkpoint.CheckpointError, match=message) as info:
            checkpoint.load_model(tmp_path / name)
        assert name in str(info.value)
        assert "\n" not in str(info.value)


@pytest.mark.parametrize("first", range(0, 256, 7))
def test_no_text_is_mistaken_for_a_checkpoint(tmp_path, first):
    """Read as a pickle, a text may raise almost any kind of error."""
    path = tmp_path / "text.pt"
    path.write_bytes(bytes([first]) + b"ello world")
    with pytest.raises(
        checkpoint.CheckpointError, match="no file of torch.save"
    ):
        checkpoint.load_checkpoint(path)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    trap = tmp_path / "ran"

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(trap),)

    torch.save({"card": CARD, "model": Bomb()}, tmp_path / "bomb.pt")
    with pytest.raises(checkpoint.CheckpointError):
        checkpoint.load_model(tmp_path / "bomb.pt")
    assert not trap.exists()


def test_resume_refuses_another_run(tmp_path):
    state = new_state()
    keep = checkpoint.keep_last_and_best(tmp_path, CARD)
    engine.fit(state, *loaders(), epochs=1, callbacks=[keep])
    other = {**CARD, "classes": ["a", "b", "d"]}
    with pytest.raises(checkpoint.CheckpointError, match="classes"):
        checkpoint.resume(tmp_path / "last.pt", state, other)
