"""Intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.core.timeframe import Timeframe


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("1m", 60), ("15m", 900), ("4h", 14_400), ("1d", 86_400), ("1w", 604_800)]
)
def test_texts_and_seconds(text, seconds):
    frame = Timeframe.parse(text)
    assert frame.seconds == seconds
    assert str(frame) == text
    assert frame.nanoseconds == seconds * 10**9
    assert Timeframe.parse(frame) is frame


@given(st.integers(1, 999_999))
def test_every_interval_can_be_written_and_read(seconds):
    text = str(Timeframe(seconds))
    assert Timeframe.parse(text) == Timeframe(seconds)


def test_crypto_markets_never_close():
    assert Timeframe.parse("1h").bars_per_year == 365 * 24
    assert Timeframe.parse("1m") < Timeframe.parse("1h")


@pytest.mark.parametrize("text", ["", "m", "0m", "-1m", "1.5h", "1 m", "1M", "60", "1min", None, 60, "1m\n"])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(ConfigError, match=r"timeframe: .*'10s', '1m'"):
        Timeframe.parse(text)


@pytest.mark.parametrize("seconds", [0, -60, 1.5, True, "60"])
def test_an_interval_is_at_least_a_second(seconds):
    with pytest.raises(ConfigError, match="timeframe: .* at least 1"):
        Timeframe(seconds)
