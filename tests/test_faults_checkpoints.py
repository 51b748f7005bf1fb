"""Checkpoints from anywhere; and each protection by itself."""

import os
import random
import sys
import tracemalloc

import pytest
import torch

from alexnet_lib import checkpoint, model
from tests.faults import checkpoints as faults

TRIED = {
    "cut_and_flipped": 3 * faults.SMALL + 3,
    "bounded": 13,
    "running_code": 24,
    "other_contents": 94,
    "other_weights": 29,
    "from_elsewhere": 8,
    "networks_of_others": 3,
    "resumed": 53,
    "no_files": 9,
    "scripts": 13,
}


@pytest.mark.parametrize("group", faults.GROUPS, ids=lambda g: g.__name__)
def test_each_fault_is_survived(group, tmp_path):
    tried = list(group(tmp_path, random.Random(0), faults.SMALL))
    lost = [outcome for outcome in tried if not outcome.survived]
    assert not lost, "\n".join(map(str, lost))
    if sys.platform == "linux" or tried:
        assert len(tried) >= TRIED[group.__name__]


def test_all_groups_are_tried():
    assert list(TRIED) == [group.__name__ for group in faults.GROUPS]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "best.pt"


def refused(path, content, match, **options):
    """The network of this content must be refused with this message."""
    faults.saved(path, content, **options)
    with pytest.raises(checkpoint.CheckpointError, match=match):
        checkpoint.load_model(path)


def good(**changes):
    """A good checkpoint, with some entries of its card changed."""
    weights = faults.small_weights()
    return {"card": faults.card_with(**changes), "model": weights}


def test_a_changed_tensor_is_refused(path):
    content = good()
    faults.saved(path, content)
    whole = bytearray(path.read_bytes())
    place = faults.inside_a_tensor(random.Random(0), whole, content["model"])
    whole[place] ^= 1
    path.write_bytes(whole)
    with pytest.raises(checkpoint.CheckpointError, match="CRC-32"):
        checkpoint.load_model(path)


def test_a_packed_archive_is_refused(path):
    faults.understated(path, 2**20)
    with pytest.raises(checkpoint.CheckpointError, match="packed archive"):
        checkpoint.load_model(path)


def test_an_archive_is_no_larger_than_its_file(path):
    faults.overlapping(path)
    with pytest.raises(checkpoint.CheckpointError, match="packed archive"):
        checkpoint.load_model(path)


def test_pytorch_reads_what_was_checked(path):
    """Of a forged archive, PyTorch alone would take the other contents."""
    faults.forged(path, 2**24)
    assert len(torch.load(path, weights_only=True)["model"]["w"]) == 2**22
    assert len(checkpoint.load_checkpoint(path)["model"]["w"]) == 9


def test_nothing_is_called_that_weights_do_not_need(path):
    call = faults.Call(bytearray, 10)
    refused(path, good(data=call), "would run __builtin__.bytearray")


def test_pytorch_itself_is_told_to_run_nothing(path, monkeypatch):
    """Should a name pass the first check, there is a second one."""
    monkeypatch.setattr("alexnet_lib.guards.check_imports", print)
    trap = path.with_name("trap")
    call = faults.Call(os.mkdir, str(trap))
    refused(path, good(data=call), "cannot be read")
    assert not trap.exists()


def test_no_memory_is_taken_for_what_a_card_asks(path, monkeypatch):
    devices = []

    def small(**arguments):
        net = model.alexnet_small(**arguments)
        devices.append(next(net.parameters()).device.type)
        return net

    monkeypatch.setitem(checkpoint.ARCHITECTURES, "alexnet_small", small)
    faults.saved(path, good())
    checkpoint.load_model(path)
    assert devices == ["meta"]


def test_weights_are_no_larger_than_their_file(path):
    refused(path, faults.expanded(4000), "larger than the file")


def test_complex_weights_are_refused(path):
    content = good()
    content["model"] = {n: w.cfloat() for n, w in content["model"].items()}
    refused(path, content, "complex")


@pytest.mark.parametrize("name", faults.CARD)
def test_a_card_lacks_nothing(path, name):
    refused(path, good(**{name: None}), f"has no {name}")


def test_a_known_network_is_named(path):
    refused(path, good(arch="resnet"), "known are alexnet_fashion")


@pytest.mark.parametrize(
    "part, name, value",
    [
        ("image", "side", 10**9),
        ("image", "unknown", 1),
        ("preprocess", "resize", [96, 10**9]),
        ("preprocess", "mean", [0.5, 0.5]),
        ("preprocess", "std", [0.0]),
    ],
)
def test_images_have_usual_sizes(path, part, name, value):
    changed = {**faults.CARD[part], name: value}
    refused(path, good(**{part: changed}), f"{part} {name} .*: sides are")


def test_classes_have_names(path):
    refused(path, good(classes=[1, 2, 3]), "classes without names")


def test_there_is_a_class_for_each_output(path):
    refused(path, good(classes=["a", "b"]), "3 outputs, its card 2 classes")


def test_the_network_takes_images_of_its_card(path):
    preprocess = {**faults.CARD["preprocess"], "crop": 10}
    refused(path, good(preprocess=preprocess), "do not fit")


@pytest.mark.parametrize(
    "prefix",
    ["_orig_mod.", "module.", "_orig_mod.module.", "module._orig_mod."],
)
def test_the_names_of_wrappers_are_taken_off(path, prefix):
    content = good()
    weights = content["model"]
    named = {prefix + name: weight for name, weight in weights.items()}
    faults.saved(path, {**content, "model": named})
    net, _ = checkpoint.load_model(path)
    assert faults.same(dict(net.state_dict()), dict(weights))


def test_no_weight_is_left_out(path):
    content = good()
    content["model"].pop("classifier.6.bias")
    refused(path, content, "do not fit")


def test_what_was_saved_on_a_gpu_is_loaded_without(path):
    faults.on_gpu(path, good())
    net, _ = checkpoint.load_model(path)
    assert next(net.parameters()).device.type == "cpu"


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_are_loaded_as_usual_numbers(path, dtype):
    content = good()
    cast = {name: w.to(dtype) for name, w in content["model"].items()}
    faults.saved(path, {**content, "model": cast})
    net, _ = checkpoint.load_model(path)
    assert {w.dtype for w in net.parameters()} == {torch.float32}


@pytest.mark.parametrize("change", ["shape", "kind", "count", "numbers"])
def test_bare_weights_of_another_network_are_not_loaded(path, change):
    weights = faults.small_weights()
    name = "classifier.6.weight"
    if change == "shape":
        weights[name] = weights[name].T
    elif change == "kind":
        weights = {f"{name}s": w for name, w in weights.items()}
    elif change == "count":
        del weights["classifier.6.bias"]
    else:
        weights[name] = weights[name].cfloat()
    faults.saved(path, weights)
    outcome = faults.untouched(change, path)
    assert outcome.survived, outcome.detail


def resume(path, content):
    faults.saved(path, content)
    checkpoint.resume(path, faults.new_state(), faults.CARD)


def test_resume_refuses_another_card(path):
    content = faults.after_a_step()
    content["card"] = faults.card_with(classes=["a", "b", "d"])
    with pytest.raises(checkpoint.CheckpointError, match="made with classes"):
        resume(path, content)


def test_resume_names_what_is_short_of_a_card(path):
    """Lists in lists, each twice: their whole text would fill the memory."""
    content, nested = faults.after_a_step(), "x"
    for _ in range(20):
        nested = [nested, nested]
    content["card"] = faults.card_with(classes=nested)
    tracemalloc.start()
    with pytest.raises(checkpoint.CheckpointError, match="made with classes"):
        resume(path, content)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2_000_000


def test_resume_wants_last(path):
    content = faults.after_a_step()
    del content["optimizer"]
    with pytest.raises(checkpoint.CheckpointError, match="from last.pt"):
        resume(path, content)


def test_resume_tells_what_does_not_fit(path):
    content = faults.after_a_step()
    del content["scaler"]
    with pytest.raises(checkpoint.CheckpointError, match="does not fit this"):
        resume(path, content)


@pytest.mark.parametrize("name", ["exp_avg", "exp_avg_sq", "step"])
def test_what_is_kept_for_a_weight_has_its_size(path, name):
    """Else a fused step writes beyond its end: the process dies, or worse."""
    content = faults.after_a_step()
    content["optimizer"]["state"][0][name] = torch.ones(2)
    with pytest.raises(checkpoint.CheckpointError, match="does not fit this"):
        resume(path, content)


@pytest.mark.parametrize("part", ["scheduler", "history", "lr"])
def test_a_run_is_built_as_this_one_is(path, part):
    content = faults.after_a_step()
    if part == "scheduler":
        content["scheduler"]["total_steps"] = "text"
    elif part == "history":
        content["history"] = [{"epoch": 1, "val_accuracy": "text"}]
    else:
        content["optimizer"]["param_groups"][0]["lr"] = "text"
    with pytest.raises(checkpoint.CheckpointError, match="does not fit this"):
        resume(path, content)


def test_what_a_link_leads_to_is_written(tmp_path):
    kept, link = tmp_path / "kept.pt", tmp_path / "link.pt"
    kept.write_text("old")
    link.symlink_to(kept)
    checkpoint.save_file({"card": {}, "model": {}}, link)
    assert link.is_symlink()
    assert checkpoint.load_checkpoint(kept) == {"card": {}, "model": {}}


def test_a_save_that_is_cut_off_leaves_the_old_file(path, monkeypatch):
    """Even if the process ends so that nothing is done after it."""
    checkpoint.save_file({"card": {"age": "old"}, "model": {}}, path)
    before = path.read_bytes()

    def cut_off(content, file):
        file.write(b"half")
        file.flush()
        assert path.read_bytes() == before
        raise OSError("cut off")

    monkeypatch.setattr(torch, "save", cut_off)
    with pytest.raises(OSError, match="cut off|is whole"):
        checkpoint.save_file({"card": {"age": "new"}, "model": {}}, path)
    assert path.read_bytes() == before


def test_a_file_is_on_the_disk_before_it_has_its_name(path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        usual = getattr(os, name)

        def noted(*arguments, name=name, usual=usual):
            done.append(name)
            return usual(*arguments)

        monkeypatch.setattr(os, name, noted)
    checkpoint.save_file({"card": {}, "model": {}}, path)
    assert done == ["fsync", "replace"]


@pytest.mark.parametrize("dtype", [None, torch.float16])
def test_a_copy_is_what_was_saved(path, dtype):
    """Nothing of a large or an empty tensor, or a shared one, is changed."""
    one = torch.randn(9, 9).to(dtype)
    content = {"a": one, "b": one.T, "c": torch.empty(0), "n": [1, 2.5, "x"]}
    faults.saved(path, content)
    found = checkpoint.load_file(path)
    assert faults.same(found, content)
    assert found["a"].data_ptr() == found["b"].data_ptr()
