"""Some of the faults that `python -m tests.faults` makes in numbers."""

import random
import sys

import pytest

from tests.faults import Outcome, disk, kills
from tests.faults import __main__ as faults_main
from tests.faults.kills import outcomes as kill_and_resume

needs_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="uses Linux's limits and signals"
)


def lost(done: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in done if not outcome.survived]


@needs_linux
def test_a_run_killed_at_any_moment_goes_on(tmp_path):
    done = list(kill_and_resume(tmp_path, random.Random(0), kills.SMALL))
    assert lost(done) == []
    assert sum("SIGKILL" in o.fault for o in done) == kills.SMALL
    assert any("between" in o.fault for o in done)
    assert done[-1].detail == "equal to the last bit"


@needs_linux
def test_a_full_disk_loses_nothing(tmp_path):
    done = list(disk.outcomes(tmp_path, random.Random(0), disk.SMALL))
    assert lost(done) == []
    assert sum("disk full after" in o.fault for o in done) == disk.SMALL
    assert len(done) > disk.SMALL + 5


def test_what_was_lost_is_counted_and_named(monkeypatch, capsys):
    found = [Outcome("a thing 1", True), Outcome("a thing 2", False, "gone")]
    monkeypatch.setattr(faults_main, "try_all", lambda *_: found)
    assert faults_main.main(["--only", "kills"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:4] == ["kills", "2", "1", "1"]
    assert lines[-1] == "LOST kills: a thing 2: gone"


def test_a_family_that_breaks_off_is_lost():
    class Family:
        NAME, SMALL = "x", 3

        @staticmethod
        def outcomes(folder, rng, count):
            yield Outcome("one", True)
            raise RuntimeError("broke off")

    done = faults_main.try_all(Family, quick=True, seed=0)
    assert [o.survived for o in done] == [True, False]
    assert "broke off" in done[1].detail


def test_faults_that_differ_in_numbers_are_one_kind():
    kinds = {Outcome(f"cut at {n:,} bytes", True).kind for n in (1, 2000)}
    assert kinds == {"cut at N bytes"}
