"""The invariants can fail: every planted bug is caught, and by what it breaks."""

from __future__ import annotations

import pytest

from tests.faults import schedule
from tests.faults.canaries import CANARIES
from tests.faults.run import run

#: Seeds within which a planted bug must be seen.
SEEDS = 150


def test_there_are_planted_bugs_of_every_kind():
    assert len(CANARIES) >= 25


@pytest.mark.parametrize("name", CANARIES)
def test_a_planted_bug_is_caught(name):
    plant, kinds = CANARIES[name]
    with plant():
        caught = next((done for seed in range(SEEDS) if (done := run(schedule.draw(seed, kinds))).broken), None)
    assert caught is not None, f"{SEEDS} seeds did not see it"
    # The same seed without the bug is as it should be: it was the bug that was seen.
    assert not run(schedule.draw(caught.seed, kinds)).broken
