"""Bars from trades: the recorded trades give the recorded candles, the recorded messages those of their raw texts."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import DataError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.feed.ticks import Tick, TickBars, merged, opening

MINUTE = 60_000_000_000
MILLISECOND = 1_000_000


def gathered(ticks, timeframe) -> list[Bar]:
    """Return all bars of ticks, the unfinished last one included."""
    bars = TickBars(timeframe)
    made = [bar for tick in ticks if (bar := bars.add(tick)) is not None]
    return [*made, *([last] if (last := bars.end()) is not None else [])]


def by_hand(rows: list[tuple[int, str, str]], step: int) -> list[Bar]:
    """Return the bars of (time, price, quantity) rows, whose numbers are texts, in exact decimals."""
    found: dict[int, list[tuple[Decimal, Decimal]]] = {}
    for time, price, quantity in rows:
        found.setdefault(time - time % step, []).append((Decimal(price), Decimal(quantity)))
    return [
        Bar(
            time,
            float(part[0][0]),
            float(max(price for price, _ in part)),
            float(min(price for price, _ in part)),
            float(part[-1][0]),
            float(sum(quantity for _, quantity in part)),
        )
        for time, part in sorted(found.items())
    ]


def test_the_recorded_trades_give_the_recorded_candles(recorded):
    if recorded is None:
        pytest.skip("the recordings are kept beside a development checkout only")
    trades = pd.read_feather(recorded / "XRP_ETH-trades-2019.feather")
    candles = pd.read_feather(recorded / "XRP_ETH-1m-2019-illiquid.feather")
    ticks = [
        Tick(int(row.timestamp) * MILLISECOND, row.price, row.amount, row.id) for row in trades.itertuples(index=False)
    ]
    expected = [
        Bar(row.date.value, row.open, row.high, row.low, row.close, row.volume)
        for row in candles.itertuples(index=False)
    ]
    made = gathered(ticks, Timeframe(60))
    assert len(made) == len(expected) == 2_469
    assert made == expected


@pytest.mark.parametrize("text", ["10s", "1m", "7s"])
def test_recorded_messages_through_ccxts_parser_give_the_bars_of_their_raw_texts(recorded, text):
    if recorded is None:
        pytest.skip("the recordings are kept beside a development checkout only")
    ccxt = pytest.importorskip("ccxt.pro")
    exchange = ccxt.binance()
    parse = exchange.parse_ws_trade
    names = {"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "type": "spot", "spot": True}
    market = exchange.safe_market_structure(names)
    raw, ticks = [], []
    with gzip.open(recorded / "BTCUSDT-binance-websocket-20240808.gz", "rt") as lines:
        for line in lines:
            message = json.loads(line.split(" ", 1)[1])
            if not message.get("stream", "").endswith("@trade"):
                continue
            trade = message["data"]
            raw.append((trade["T"] * MILLISECOND, trade["p"], trade["q"]))
            parsed = parse(trade, market)
            ticks.append(Tick(parsed["timestamp"] * MILLISECOND, parsed["price"], parsed["amount"], parsed["id"]))
    timeframe = Timeframe.parse(text)
    assert len(ticks) == 9_757
    made = gathered(ticks, timeframe)
    assert made == by_hand(raw, timeframe.nanoseconds)
    assert len(made) >= 300 // timeframe.seconds


TICKS = st.lists(
    st.tuples(st.integers(0, 90_000), st.integers(1, 10**9), st.integers(0, 10**12)), min_size=1, max_size=60
).map(lambda rows: [(time * MILLISECOND, f"{p}e-4", f"{q}e-8") for time, p, q in sorted(rows, key=lambda r: r[0])])


@given(rows=TICKS, step=st.integers(1, 40))
def test_bars_are_those_computed_by_hand(rows, step):
    timeframe = Timeframe(step)
    ticks = [Tick(time, float(price), float(quantity)) for time, price, quantity in rows]
    assert gathered(ticks, timeframe) == by_hand(rows, timeframe.nanoseconds)


@given(rows=TICKS, step=st.integers(1, 10), times=st.integers(2, 6))
def test_bars_merged_of_shorter_ones_are_those_of_the_ticks(rows, step, times):
    ticks = [Tick(time, float(price), float(quantity)) for time, price, quantity in rows]
    longer = Timeframe(step * times)
    groups: dict[int, list[Bar]] = {}
    for bar in gathered(ticks, Timeframe(step)):
        groups.setdefault(opening(bar.time, longer), []).append(bar)
    assert [merged(group, opened) for opened, group in groups.items()] == gathered(ticks, longer)


def test_a_tick_of_a_bar_that_is_over_is_left_out_and_counted():
    bars = TickBars(Timeframe(10))
    assert bars.open_bar is None
    bars.add(Tick(5_000_000_000, 2.0, 1.0))
    assert bars.open_bar == Bar(0, 2.0, 2.0, 2.0, 2.0, 1.0)
    assert bars.end() == Bar(0, 2.0, 2.0, 2.0, 2.0, 1.0)
    assert bars.add(Tick(9_000_000_000, 7.0, 1.0)) is None
    assert bars.open_bar is None
    bars.add(Tick(25_000_000_000, 3.0, 1.0))
    assert bars.add(Tick(19_000_000_000, 9.0, 1.0)) is None
    assert bars.open_bar == Bar(20_000_000_000, 3.0, 3.0, 3.0, 3.0, 1.0)
    assert bars.late == 2
    assert bars.end() == Bar(20_000_000_000, 3.0, 3.0, 3.0, 3.0, 1.0)
    assert bars.end() is None


@pytest.mark.parametrize("tick", [Tick(0, 0.0), Tick(0, float("nan")), Tick(0, 1.0, -1.0), Tick(0, float("inf"))])
def test_a_price_that_is_none_is_refused(tick):
    with pytest.raises(DataError, match="finite numbers above 0"):
        TickBars(Timeframe(10)).add(tick)


@pytest.mark.parametrize("time", ["1969-12-25", "1970-01-04 23:59", "2024-01-01", "2024-02-29 13:00"])
def test_weeks_open_on_mondays(time):
    moment = pd.Timestamp(time, tz="UTC")
    assert (
        opening(moment.value, Timeframe.parse("1w")) == (moment.normalize() - pd.Timedelta(days=moment.weekday())).value
    )
