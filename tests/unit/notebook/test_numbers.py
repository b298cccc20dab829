"""How numbers are written."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from cryptobot.notebook.numbers import Units, decimals, digits_of, fixed, signed, tone_of
from cryptobot.notebook.window import decimals_of, round_ticks, time_ticks


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1234.5, 2, "1,234.50"), (-0.001, 2, "0.00"), (Decimal("-12.345"), 1, "−12.3"), (0, 0, "0")],
)
def test_fixed(value: float, digits: int, text: str) -> None:
    assert fixed(value, digits) == text


def test_a_change_carries_its_sign_and_its_tone() -> None:
    assert [signed(value, 2) for value in (1.5, -1.5, 0, -0.0001)] == ["+1.50", "−1.50", "0.00", "0.00"]
    assert [tone_of(value) for value in (1, -1, 0)] == ["up", "down", ""]


@pytest.mark.parametrize(("price", "digits"), [(60_000, 2), (999, 3), (25, 4), (0.5, 6), (0.00002, 8), (-1, 2)])
def test_digits_follow_the_price(price: float, digits: int) -> None:
    assert digits_of(price) == digits


def test_money_has_cents_and_coins_have_more() -> None:
    assert Units.of("BTC/USDT", 60_000).money(Decimal("9.5")) == "9.50"
    assert Units.of("ETH/BTC", 0.05).money(Decimal("0.0123456")) == "0.012346"
    assert Units.of("BTC/USDT:USDT").quote == "USDT"
    assert Units.of("BTC/USDT").quantity(Decimal("0.16500000")) == "0.165"
    assert Units.of("BTC/USDT").quantity(Decimal("0.165"), 5) == "0.16500"
    assert decimals(2) == 1


def test_ticks_are_round_and_few() -> None:
    ticks = round_ticks(59_123.4, 60_888.1, 6)
    assert ticks == [59_500.0, 60_000.0, 60_500.0]
    assert round_ticks(1.0, 1.0, 5) == [1.0]
    assert decimals_of([0.00025, 0.0005]) == 5


@pytest.mark.parametrize(
    ("span", "pattern"), [(60_000, "%H:%M:%S"), (3 * 3600_000, "%H:%M"), (5 * 86_400_000, "%d %b %H:%M")]
)
def test_moments_are_round_and_written_as_short_as_possible(span: int, pattern: str) -> None:
    ticks, written = time_ticks(1_704_067_211_000, 1_704_067_211_000 + span, 10)
    assert written == pattern
    assert 2 <= len(ticks) <= 10
    steps = {after - before for before, after in itertools.pairwise(ticks)}
    assert len(steps) == 1
    assert ticks[0] % steps.pop() == 0
