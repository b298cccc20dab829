"""Candles: closed, open, and put together to longer ones; pandas is the oracle."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.bars import BarColumns
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.simulator.candles import Candle, CandleBook
from cryptobot.exchange.simulator.intervals import INTERVALS, beginning, offered
from cryptobot.exchange.simulator.numbers import float_text
from cryptobot.exchange.simulator.tape import day_of
from cryptobot.market.practice import practice_bars

MINUTE = 60_000_000_000


def book_of(bars, last=None):
    """Close all bars but the last ``last``-th one, which is left open with its open price."""
    columns = BarColumns.of(bars)
    book = CandleBook(columns.timeframe.nanoseconds)
    rows = columns.rows()
    closed = rows if last is None else rows[:-last]
    for number, bar in enumerate(closed):
        book.base.append(Candle.of(bar, 4 * number + 1, 4))
    if last is not None:
        bar = rows[-last]
        book.base.present = Candle.opened(bar.time, bar.open, 4 * len(closed) + 1)
    return book


def values(row):
    return [float(text) for text in row[1:6]]


@pytest.mark.parametrize("name", ["5m", "15m", "1h", "1d", "3d", "1w"])
def test_longer_candles_are_those_that_pandas_makes(name):
    bars = practice_bars(9_000, seed=5, holes=20, timeframe="5m")
    rows = book_of(bars).of(INTERVALS[name].nanoseconds).rows(None, None, 10_000)
    rule = {"5m": "5min", "15m": "15min", "1h": "1h", "1d": "24h", "3d": "72h", "1w": "W-MON"}[name]
    # Weeks begin on a Monday, everything else counts from 1970.
    options = {"label": "left", "closed": "left"} | ({} if name == "1w" else {"origin": "epoch"})
    wanted = (
        bars.resample(rule, **options)
        .agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
        .dropna()
    )
    assert [row[0] for row in rows] == [time.value // 1_000_000 for time in wanted.index]
    assert np.array([values(row)[:4] for row in rows]).tolist() == wanted.iloc[:, :4].to_numpy().tolist()
    assert np.allclose([values(row)[4] for row in rows], wanted["volume"], rtol=0, atol=1e-7)
    assert sum(row[8] for row in rows) == 4 * len(bars)


def test_longer_candles_grow_with_the_base_and_end_with_it():
    bars = practice_bars(30, seed=1, start="2024-01-01")
    book = CandleBook(MINUTE)
    closed = []
    for number, bar in enumerate(BarColumns.of(bars).rows()):
        book.base.present = Candle.opened(bar.time, bar.open, 4 * number + 1)
        longer = book.of(5 * MINUTE)
        assert longer.present.time == bar.time // (5 * MINUTE) * 5 * MINUTE
        assert longer.present.close == bar.open
        book.base.append(Candle.of(bar, 4 * number + 1, 4))
        book.base.present = None
        longer = book.of(5 * MINUTE)
        closed.append(len(longer))
        assert (longer.present is None) == ((number + 1) % 5 == 0)
    assert closed == [(number + 1) // 5 for number in range(30)]


def test_a_longer_candle_that_a_hole_cuts_short_ends_when_the_next_begins():
    bars = practice_bars(12, seed=1, start="2024-01-01").drop(index=practice_bars(12, seed=1).index[3:8])
    book = book_of(bars.iloc[:3])
    assert book.of(5 * MINUTE).present is not None
    assert len(book.of(5 * MINUTE)) == 0
    late = BarColumns.of(bars).bar(3)
    book.base.present = Candle.opened(late.time, late.open, 99)
    assert len(book.of(5 * MINUTE)) == 1
    assert book.of(5 * MINUTE).present.time == late.time // (5 * MINUTE) * 5 * MINUTE


@given(
    since=st.none() | st.integers(-2, 25),
    until=st.none() | st.integers(-2, 25),
    limit=st.integers(1, 30),
    opened=st.booleans(),
)
def test_rows_are_the_oldest_since_or_else_the_newest_until(since, until, limit, opened):
    bars = practice_bars(20, seed=2, start="2024-01-01")
    times = [time.value for time in bars.index]
    book = book_of(bars, 1 if opened else None)
    first = times[0]

    def at(number):
        return None if number is None else first + number * MINUTE

    rows = book.base.rows(at(since), at(until), limit)
    fitting = [time for time in times if (since is None or time >= at(since)) and (until is None or time <= at(until))]
    wanted = fitting[:limit] if since is not None else fitting[-limit:]
    assert [row[0] * 1_000_000 for row in rows] == wanted


def test_a_row_has_the_fields_of_the_exchange_and_keeps_every_digit():
    bar = BarColumns.of(practice_bars(2, seed=3)).bar(0)
    row = Candle.of(bar, 1, 4).row(MINUTE)
    assert len(row) == 12
    assert [type(value) for value in row] == [int, *[str] * 5, int, str, int, str, str, str]
    assert row[6] == row[0] + 59_999
    assert values(row) == list(bar[1:])
    assert all(len(text.partition(".")[2]) == 8 for text in row[1:6])


@given(st.floats(1e-8, 1e12) | st.decimals(0, 10**9, places=8).map(float))
def test_a_number_is_read_back_as_it_was(value):
    text = float_text(value)
    assert float(text) == value
    assert "e" not in text.lower()
    assert len(text.partition(".")[2]) >= 8


def test_a_revised_candle_is_seen_in_longer_ones_too():
    bars = practice_bars(10, seed=2, start="2024-01-01")
    book = book_of(bars)
    before = book.of(5 * MINUTE).rows(None, None, 1)[0]
    changed = book.base[-1]
    changed.high, changed.close = 99_999.0, 99_998.0
    book.revise(-1, changed)
    after = book.of(5 * MINUTE).rows(None, None, 1)[0]
    assert (after[2], after[4]) == ("99999.00000000", "99998.00000000")
    assert before != after
    assert book.base.rows(None, None, 1)[0][2] == "99999.00000000"


def test_the_last_day_is_what_its_candles_say():
    bars = practice_bars(3_000, seed=4)
    book = book_of(bars, 1)
    now = bars.index[-1].value + 30_000_000_000
    day = day_of(book.base, now, bars["open"].iloc[-1])
    inside = bars[bars.index > pd.Timestamp(now, tz="UTC") - pd.Timedelta("24h")].iloc[:-1]
    assert len(inside) == 1439
    assert float(day["open"]) == inside["open"].iloc[0]
    assert float(day["high"]) == max(inside["high"].max(), bars["open"].iloc[-1])
    assert float(day["low"]) == min(inside["low"].min(), bars["open"].iloc[-1])
    assert float(day["volume"]) == pytest.approx(inside["volume"].sum(), abs=1e-6)
    assert day["trades"] == 4 * len(inside)
    assert float(day["before"]) == bars["close"][: inside.index[0]].iloc[-2]


def test_the_last_day_leaves_out_what_opened_a_whole_day_ago():
    bars = practice_bars(1_442, seed=4)
    book = book_of(bars, 1)
    day = day_of(book.base, bars.index[1440].value, 60_000.0)
    assert float(day["open"]) == bars["open"].iloc[1]
    assert day["opened"] - day["closed"] == -86_400_000 + 1


@pytest.mark.parametrize(
    ("value", "text"), [(1234567890.1, "1234567890.10000000"), (0.1, "0.10000000"), (1e-9, "0.000000001")]
)
def test_numbers_are_written_as_a_person_would(value, text):
    assert float_text(value) == text


def test_intervals_are_those_that_the_base_divides():
    assert list(offered(Timeframe(900))) == ["15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w"]
    assert list(offered(Timeframe(10)))[:2] == ["10s", "1m"]
    monday = pd.Timestamp("2024-01-01", tz="UTC").value
    week = INTERVALS["1w"].nanoseconds
    assert beginning(monday, week) == monday
    assert beginning(monday - 1, week) == monday - week


def test_the_recorded_trades_make_the_recorded_candles(recorded):
    if recorded is None:
        pytest.skip("no recorded data beside this checkout")
    trades = pd.read_feather(recorded / "XRP_ETH-trades-2019.feather")
    candles = pd.read_feather(recorded / "XRP_ETH-1m-2019-illiquid.feather").set_index("date")
    trades = trades.head(3_000)
    book = CandleBook(1_000_000_000)
    seen = None
    for number, (stamp, price, amount) in enumerate(
        zip(trades["timestamp"], trades["price"], trades["amount"], strict=True)
    ):
        opened = int(stamp) // 1000 * 1_000_000_000
        if seen is None or seen.time != opened:
            if seen is not None:
                book.base.append(seen)
            seen = Candle.opened(opened, float(price), number)
        seen.trade(float(price), float(amount))
    made = book.of(MINUTE)
    checked = 0
    for index in range(len(made)):
        candle = made[index]
        wanted = candles.loc[pd.Timestamp(candle.time, tz="UTC")]
        assert (candle.open, candle.high, candle.low, candle.close) == tuple(wanted[["open", "high", "low", "close"]])
        assert Decimal(float_text(candle.volume)) == pytest.approx(Decimal(str(wanted["volume"])), abs=Decimal("1e-6"))
        checked += 1
    assert checked > 100
