import random

import pytest

from tests.faults import numbers


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_wrong_numbers_are_refused(tmp_path):
    rng = random.Random(0)
    tried = list(numbers.outcomes(tmp_path, rng, numbers.SMALL))
    assert len(tried) == numbers.SMALL
    assert [outcome for outcome in tried if not outcome.survived] == []
