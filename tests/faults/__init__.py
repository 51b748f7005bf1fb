"""Faults that happen, made on purpose: what survives them, and what is lost.

Each module tries one family of them; `python -m tests.faults` tries all.
"""

import re
from typing import NamedTuple

# Each with the test that makes a few of its faults
FAMILIES = {
    "kills": "test_faults.py::test_a_run_killed_at_any_moment_goes_on",
    "disk": "test_faults.py::test_a_full_disk_loses_nothing",
    "checkpoints": "test_faults_checkpoints.py::test_each_fault_is_survived",
    "images": "test_faults_images.py::test_no_odd_file_is_lost_or_let_in",
    "downloads": "test_faults_downloads.py::test_no_download_is_half_or_wrong",
    "numbers": "test_faults_numbers.py::test_wrong_numbers_are_refused",
}


class Outcome(NamedTuple):
    """What was done, whether the promise held, and what happened."""

    fault: str
    survived: bool
    detail: str = ""

    @property
    def kind(self) -> str:
        """The fault without its numbers: what they have in common."""
        number = r"(?<![\w.;-])\d+(,\d{3})*(?!\w|\.\w)"
        return re.sub(number, "N", self.fault)
