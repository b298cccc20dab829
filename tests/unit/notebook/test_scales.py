"""Times on their way between Python and the browser."""

from __future__ import annotations

import datetime as dt

import pytest

from cryptobot.notebook.scales import UtcScale

MILLISECONDS = 1_704_067_200_123


def test_what_is_sent_names_utc() -> None:
    scale = UtcScale()
    scale.set_window(MILLISECONDS, MILLISECONDS + 60_000)
    assert scale.get_state(["min", "max"]) == {"min": "2024-01-01T00:00:00.123Z", "max": "2024-01-01T00:01:00.123Z"}


@pytest.mark.parametrize("text", ["2024-01-01T00:00:00.123Z", "2024-01-01T05:30:00.123+05:30", MILLISECONDS])
def test_what_the_browser_sends_is_read(text: str | int) -> None:
    scale = UtcScale()
    scale.set_state({"min": text, "max": "2024-01-01T01:00:00.000Z"})
    assert scale.min == dt.datetime(2024, 1, 1, 0, 0, 0, 123_000)  # noqa: DTZ001 - bqscales' own convention
    assert scale.get_window() == (MILLISECONDS, 1_704_070_800_000)


def test_no_window_before_one_is_set() -> None:
    assert UtcScale().get_window() is None
    scale = UtcScale()
    scale.set_state({"min": None, "max": None})
    assert scale.get_window() is None
