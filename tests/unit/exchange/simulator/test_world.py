"""The simulated market: its time, its steps, its end, and that it trades as the backtest does."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from cryptobot.core.bars import BarColumns
from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.exchange.matching import Fees
from cryptobot.exchange.simulator.feed import Feed
from cryptobot.exchange.simulator.gate import Gate
from cryptobot.exchange.simulator.pace import speed_of
from cryptobot.exchange.simulator.setup import market_of, rules_of, source_of
from cryptobot.market.practice import practice_bars
from tests.unit.exchange.simulator.helpers import MINUTE, START, Desk, frame, make_world

NOW = START * 1_000_000_000


def klines(desk, interval="1m", **asked):
    return desk.ask("GET", "/api/v3/klines", symbol="BTCUSDT", interval=interval, **asked)[1]


def test_a_step_closes_a_candle_and_opens_the_next(desk):
    made = desk(history=2)
    world = made.world
    assert world.now == NOW + 2 * MINUTE
    assert [row[4] for row in klines(made)] == ["102.00000000", "99.00000000", "99.00000000"]
    assert klines(made)[-1][1:5] == ["99.00000000"] * 4  # nothing of what is to come shows
    world.take()
    assert world.step() == NOW + 3 * MINUTE
    assert made.ask("GET", "/api/v3/time")[1] == {"serverTime": (NOW + 3 * MINUTE) // 1_000_000}
    closed, opened = [told for told in world.take() if told.kind in ("closed", "price")]
    assert (closed.kind, closed.time, closed.candle.time) == ("closed", NOW + 3 * MINUTE, NOW + 2 * MINUTE)
    assert (closed.candle.open, closed.candle.high, closed.candle.low, closed.candle.close) == (99, 102, 98, 101)
    assert closed.candle.volume == 10
    assert (opened.kind, opened.time) == ("price", NOW + 3 * MINUTE)
    assert made.ask("GET", "/api/v3/ticker/price", symbol="BTCUSDT")[1]["price"] == "101.00000000"


def test_every_bar_comes_once_and_the_end_is_told(desk):
    bars = practice_bars(40, seed=9, holes=3)
    made = desk(bars=bars, history=5)
    for _ in range(35):
        made.world.step()
    assert made.world.feed.finished
    rows = klines(made)
    assert [row[0] * 1_000_000 for row in rows] == [time.value for time in bars.index]
    assert [[float(text) for text in row[1:6]] for row in rows] == bars.to_numpy().tolist()
    with pytest.raises(ConfigError, match="the bars ended at"):
        made.world.step()


def test_candles_and_trades_are_asked_for_by_their_times(desk):
    made = desk()
    for _ in range(4):
        made.world.step()
    first = NOW // 1_000_000

    def minutes(rows, name):
        return sorted({(row[name] - first) // 60_000 for row in rows})

    span = {"startTime": first + 60_000, "endTime": first + 120_000}
    assert minutes(klines(made, **span), 0) == [1, 2]
    assert minutes(klines(made, startTime=first + 120_000), 0) == [2, 3, 4]
    assert minutes(klines(made, endTime=first + 60_000), 0) == [0, 1]
    assert minutes(klines(made, startTime=(first + 180_000) * 1_000), 0) == [3, 4]  # microseconds
    trades = made.ask("GET", "/api/v3/aggTrades", symbol="BTCUSDT", **span)[1]
    assert minutes(trades, "T") == [1, 2]
    numbers = [trade["a"] for trade in made.ask("GET", "/api/v3/aggTrades", symbol="BTCUSDT", limit=3)[1]]
    assert numbers == [15, 16, 17]
    old = made.ask("GET", "/api/v3/historicalTrades", symbol="BTCUSDT", fromId=3, limit=2, signed=False)[1]
    assert [trade["id"] for trade in old] == [3, 4]


def test_holes_stay_holes(desk):
    bars = frame(100, 101, 102, 103, 104, 105).drop(index=frame(1, 1, 1, 1, 1, 1).index[2:4])
    made = desk(bars=bars)
    made.world.step()
    assert made.world.step() == NOW + 4 * MINUTE
    assert [row[0] // 60_000 for row in klines(made)] == [(NOW // MINUTE) + number for number in (0, 1, 4)]


def test_longer_intervals_close_with_their_last_candle(desk):
    bars = practice_bars(30, seed=2, start="2024-01-01")
    made = desk(bars=bars)
    for _ in range(12):
        made.world.step()
    rows = klines(made, "5m")
    assert [row[0] % 300_000 for row in rows] == [0, 0, 0]
    whole = bars.iloc[5:10]
    assert [float(text) for text in rows[1][1:5]] == [
        whole["open"].iloc[0], whole["high"].max(), whole["low"].min(), whole["close"].iloc[-1],
    ]  # fmt: skip


def test_in_real_time_the_bars_are_moved_to_now():
    clock = SimulatedClock(1_800_000_037_500_000_000)  # half a minute into one
    world = make_world(practice_bars(400, seed=1), speed=1, history=300, clock=clock)
    world.play()
    base = world.feed.book.base
    opened = 1_800_000_000_000_000_000
    assert base.present.time == opened
    assert [base.time[0], base.time[-1]] == [opened - 300 * MINUTE, opened - MINUTE]
    assert world.server_time == 1_800_000_037_500
    wait = world.play()
    assert 0 < wait <= 22.5
    while base.present is not None and base.present.time == opened:
        clock.advance(world.play() or 0.001)
        world.play()
    assert clock.now() == opened + MINUTE
    assert len(base) == 301


@pytest.mark.parametrize(("step", "start"), [("1h", 1_800_000_000), ("1d", 1_800_000_000), ("1w", 1_800_000_000)])
def test_moved_bars_open_where_the_exchanges_candles_do(step, start):
    clock = SimulatedClock(start * 1_000_000_000)
    world = make_world(practice_bars(20, seed=1, timeframe=step), speed=1, history=5, clock=clock)
    world.play()
    opened = world.feed.book.base.present.time // 1_000_000_000
    seconds = world.feed.timeframe.seconds
    monday = 4 * 86_400
    assert (opened - (monday if step == "1w" else 0)) % seconds == 0
    assert opened <= start < opened + seconds


def test_a_fast_market_has_a_clock_of_its_own():
    clock = SimulatedClock(5)
    bars = practice_bars(100, seed=1)
    world = make_world(bars, speed=600, history=10, clock=clock)
    world.play()
    first = bars.index[10].value
    assert world.now == first
    clock.advance(0.05)
    assert world.now == first + 30_000_000_000
    for _ in range(200):
        clock.advance(0.05)
        world.play()
    assert world.feed.finished
    assert world.play() == float("inf")
    base = world.feed.book.base
    assert list(base.time) == [time.value for time in bars.index]
    assert [[base[n].open, base[n].high, base[n].low, base[n].close, base[n].volume] for n in range(100)] == (
        bars.to_numpy().tolist()
    )


def test_prices_within_a_bar_stay_within_it_and_on_the_tick():
    bars = practice_bars(50, seed=3)
    columns = BarColumns.of(bars)
    feed = Feed("BTC/USDT", columns.timeframe, [], iter(columns.rows()), Decimal("0.01"))
    for number in range(50):
        bar = feed.open()
        moments = feed.moments(float(number))
        prices = [moment.price for moment in moments if moment.kind == "trade"]
        assert bar.low in prices
        assert bar.high in prices
        assert prices[-1] == bar.close
        assert all(bar.low <= price <= bar.high and round(price, 2) == price for price in prices)
        times = [moment.time for moment in moments]
        assert times == sorted(times)
        assert (moments[-1].kind, moments[-1].time) == ("close", bar.time + MINUTE)
        assert times[-2] < bar.time + MINUTE
        assert sum(moment.quantity for moment in moments) == pytest.approx(0.75 * bar.volume, abs=1e-6)
        feed.close()


def test_market_orders_after_each_bar_are_filled_at_the_next_open_to_the_last_digit():
    """The oracle is exact arithmetic of its own: cash and coins in fractions."""
    bars = practice_bars(60, seed=11)
    fee, slip = Fraction(1, 1000), Fraction(2, 10_000)
    world = make_world(
        bars, fees=Fees("0.001", "0.001", "quote", None, None), slippage_bps=2,
        market=Market("BTC/USDT", "0.01", "0.00001", "5"), balances={"USDT": Decimal(10_000)},
    )  # fmt: skip
    made = Desk(world, Gate(world), None)
    cash, coins = Fraction(10_000), Fraction(0)
    for number in range(1, 60):
        world.step()
        opened = Fraction(str(bars["open"].iloc[number]))
        if number % 3 == 1:
            price = Fraction(-(-opened * (1 + slip) * 100 // 1), 100)  # up to the tick
            quantity = Fraction(1980 / price * 100_000 // 1, 100_000)
            _, order = made.order("BUY", quoteOrderQty="1980")
            cash -= price * quantity * (1 + fee)
            coins += quantity
        elif number % 3 == 2:
            price = Fraction(opened * (1 - slip) * 100 // 1, 100)
            quantity = coins
            _, order = made.order("SELL", quantity=f"{Decimal(float(quantity)):.5f}")
            cash += price * quantity * (1 - fee)
            coins -= quantity
        else:
            continue
        assert Fraction(order["fills"][0]["price"]) == price
        assert Fraction(order["executedQty"]) == quantity
        assert world.ledger.fills[-1].time == bars.index[number].value
    assert Fraction(world.ledger.balances["USDT"].total) == cash
    assert Fraction(world.ledger.balances["BTC"].total) == coins
    assert len(world.ledger.fills) == len(world.ledger.orders) == 40


def test_somebody_else_may_trade_within_a_candle(desk):
    made = desk()
    made.order("BUY", "LIMIT", quantity="1", price="95", timeInForce="GTC")
    made.world.trade(Decimal(94), 3.0)
    assert made.world.ledger.orders[-1].status == "filled"
    assert klines(made)[-1][3] == "94.00000000"
    made.world.step()
    assert klines(made)[0][3] == "99.00000000"  # the bar that was given
    with pytest.raises(ConfigError, match="tick"):
        made.world.trade(Decimal("94.001"), 1.0)


def test_bars_without_a_volume_play_too(desk):
    made = desk(bars=frame(100, 101, 102, volume=0.0))
    made.world.step()
    assert klines(made)[0][5] == "0.00000000"
    assert made.ask("GET", "/api/v3/ticker/24hr", symbol="BTCUSDT")[1]["weightedAvgPrice"] == "101.00000000"


@pytest.mark.parametrize("value", [0, -1, "fast", None, True, float("nan"), "inf", [1]])
def test_a_speed_that_cannot_be_is_refused(value):
    with pytest.raises(ConfigError, match="speed: .* is not allowed"):
        speed_of(value)


def test_what_is_played_must_be_said_once():
    bars = frame(100, 101, 102)
    for given in ((None, None, None, 0), (bars, 7, None, 0)):
        with pytest.raises(ConfigError, match="either bars"):
            source_of(*given)
    with pytest.raises(ConfigError, match="at least one bar must be left"):
        source_of(bars, None, None, 3)
    with pytest.raises(ConfigError, match="history"):
        source_of(bars, None, None, True)
    with pytest.raises(ConfigError, match="the bars are of 1m, not 5m"):
        source_of(bars, None, "5m", 0)
    with pytest.raises(ConfigError, match="no grid of 8 decimals"):
        source_of(bars / 3, None, None, 0)


def test_rules_are_found_from_the_bars_when_none_are_given():
    source = source_of(frame(100.125, 101), None, None, 0)
    market = market_of(None, "ETH/BTC", source, practice=False)
    assert market == Market("ETH/BTC", "0.001", "0.00001", "5")
    rules = rules_of(market, 100.0, ["market", "LIMIT"])
    assert (rules.exchange_symbol, len(rules.order_types)) == ("ETHBTC", 2)
    assert rules.max_price >= 1_000_000
    with pytest.raises(ConfigError, match="Did you mean `market`"):
        rules_of(market, 100.0, ["markt"])
    with pytest.raises(ConfigError, match="capitals"):
        market_of(None, "eth/btc", source, practice=False)
