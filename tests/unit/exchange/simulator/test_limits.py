"""Request weight, orders, and the way from 429 to 418."""

from __future__ import annotations

import pytest

from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.limits import Limits

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def refusal(limits, *arguments):
    with pytest.raises(ApiError) as caught:
        limits.charge(*arguments)
    return caught.value


def test_weight_adds_up_within_a_minute_and_is_told():
    limits = Limits(weight=100)
    limits.charge(40, 0, 0)
    limits.charge(60, 30 * SECOND, 30 * SECOND)
    assert limits.headers(orders=False)["X-MBX-USED-WEIGHT-1M"] == "100"
    error = refusal(limits, 1, 45 * SECOND, 45 * SECOND)
    assert (error.status, error.code, error.headers) == (429, -1003, {"Retry-After": "15"})
    assert "current limit is 100 request weight per 1 MINUTE" in error.text


@pytest.mark.parametrize("clock", ["real", "market"])
def test_a_new_minute_by_either_clock_frees_everything(clock):
    limits = Limits(weight=10)
    limits.charge(10, 0, 0)
    limits.charge(10, *((MINUTE, 0) if clock == "real" else (0, MINUTE)))
    assert limits.used_weight == 10


def test_who_does_not_back_off_is_banned_and_longer_each_time():
    limits = Limits(weight=1)
    now = 0
    for length in (120, 240, 480):
        limits.charge(1, now, now)
        statuses = [refusal(limits, 1, now, now).status for _ in range(11)]
        assert statuses == [429] * 10 + [418]
        error = refusal(limits, 1, now + SECOND, now)
        assert error.headers["Retry-After"] == str(length - 1)
        assert f"IP banned until {(now + length * SECOND) // 1_000_000}" in error.text
        now += length * SECOND
        limits.charge(1, now, now)  # the ban is over to the nanosecond
        now += MINUTE


def test_a_pause_of_a_minute_forgives_what_was_ignored():
    limits = Limits(weight=1)
    for minute in range(5):
        now = minute * MINUTE
        limits.charge(1, now, now)
        assert [refusal(limits, 1, now, now).status for _ in range(10)] == [429] * 10


def test_only_orders_that_are_not_filled_count():
    limits = Limits(orders_ten_seconds=2, orders_day=3)
    limits.count_orders(1, 0, 0)
    limits.filled_order()
    limits.count_orders(2, 0, 0)
    with pytest.raises(ApiError, match="current limit is 2 orders per 10 SECOND") as caught:
        limits.count_orders(1, SECOND, 0)
    assert (caught.value.code, caught.value.status, caught.value.headers["Retry-After"]) == (-1015, 429, "9")
    limits.count_orders(1, 10 * SECOND, 0)
    with pytest.raises(ApiError, match="current limit is 3 orders per 1 DAY"):
        limits.count_orders(1, 20 * SECOND, 0)
    assert limits.headers(orders=True)["X-MBX-ORDER-COUNT-1D"] == "3"
