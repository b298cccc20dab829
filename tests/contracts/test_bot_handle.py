"""The contract of a handle: whoever holds a bot, in this process or another, can do these things with it.

A factory makes a started handle to a bot that trades ``BARS`` with `MovingAverageCrossover(3, 9)` at its own pace,
begins with nothing traded, and ends by itself. A new kind of handle is added to `HANDLES` and must pass everything. The
attached one speaks to its bot as to another process; real processes are tested in ``tests/processes``.
"""

from __future__ import annotations

import pickle
import threading
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.backtest.trade_table import TRADE_COLUMNS, trade_table
from cryptobot.control.handle import BotHandle
from cryptobot.trading.order_table import order_table
from tests.contracts.served import Served

PATIENCE = 60
BARS = cb.practice_bars(800, seed=5)
STRATEGY = cb.MovingAverageCrossover(3, 9)
STATES = {"new", "starting", "running", "stopping", "stopped", "finished", "halted"}


class Gate:
    """Holds a replay after so many bars until the test lets it go on."""

    def __init__(self, exchange, bars):
        self.reached, self.opened = threading.Event(), threading.Event()
        stream = exchange.stream

        async def gated(symbol, timeframe):
            import asyncio
            from contextlib import aclosing

            async with aclosing(stream(symbol, timeframe)) as events:
                async for event in events:
                    yield event
                    self.seen += hasattr(event, "bar")
                    if self.seen >= bars and not self.opened.is_set():
                        self.reached.set()
                        self.loop, self.future = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
                        await self.future

        self.seen, self.loop, self.future = 0, None, None
        exchange.stream = gated

    def open(self):
        self.opened.set()
        self.loop.call_soon_threadsafe(lambda: self.future.done() or self.future.set_result(None))


def local(**options):
    """A bot in this process, held after 400 bars."""
    exchange = cb.ReplayExchange(BARS)
    gate = Gate(exchange, 400)
    return cb.Bot(STRATEGY, exchange=exchange, name="handle", **options), gate


HANDLES = ("local", "attached")


@pytest.fixture(params=HANDLES)
def new(request, tmp_path):
    """A handle that has not been started, and its gate."""
    bot, gate = local()
    served = Served(bot, tmp_path) if request.param == "attached" else None
    handle: BotHandle = bot if served is None else served.handle
    yield handle, gate
    bot.stop(PATIENCE)
    if served is not None:
        served.close()


@pytest.fixture
def running(new):
    """A handle whose bot has traded 400 bars and waits."""
    handle, gate = new
    handle.start()
    assert gate.reached.wait(PATIENCE)
    return handle, gate


@pytest.fixture
def ended(running):
    """A handle whose bot ran out of bars."""
    handle, gate = running
    gate.open()
    assert handle.wait(PATIENCE)
    return handle


def test_a_new_handle_can_be_read(new):
    handle, _ = new
    status = handle.status()
    assert (status.state, status.bars, status.trades, status.price) == ("new", 0, 0, None)
    assert handle.trades().empty
    assert handle.tape(10).time.size == 0
    assert handle.explain().text
    assert handle.snapshot().explanation.text == handle.explain().text
    assert handle.logs()
    assert handle.stop() is not None
    assert handle.status().state == "new"


def test_start_runs_it_and_does_nothing_when_it_runs(running):
    handle, _ = running
    assert handle.status().state == "running"
    before = handle.status()
    handle.start()
    assert handle.status().bars == before.bars
    assert handle.status().state == "running"


def test_stop_ends_it_and_may_be_called_again(running):
    handle, _ = running
    handle.stop(PATIENCE)
    first = handle.status()
    assert first.state == "stopped"
    assert first.reason
    handle.stop(PATIENCE)
    assert handle.status().state == "stopped"
    assert any("Stopped after 400 bars" in line.text for line in handle.logs())


def test_start_after_stop_goes_on(running):
    handle, gate = running
    handle.stop(PATIENCE)
    gate.opened.set()
    handle.start()
    assert handle.wait(PATIENCE)
    assert (handle.status().state, handle.status().bars) == ("finished", 800)


def test_a_finished_one_does_not_start_again(ended):
    with pytest.raises(cb.ConfigError):
        ended.start()


def test_status_says_where_it_stands(running):
    handle, _ = running
    status = handle.status()
    assert status.state in STATES
    assert (status.name, status.strategy, status.timeframe, status.bars) == ("handle", "ma_crossover", "1m", 400)
    assert status.parameters == STRATEGY.params
    assert isinstance(status.mode, cb.Mode)
    assert status.last_bar_time == BARS.index[399].value
    assert status.price == BARS["close"].iloc[399]
    for amount in (
        status.cash,
        status.equity,
        status.quantity,
        status.fees,
        status.realised_pnl,
        status.unrealised_pnl,
    ):
        assert isinstance(amount, Decimal)
    assert float(status.equity) == pytest.approx(float(status.cash) + float(status.quantity) * status.price)
    assert status.initial_equity == 10_000
    with pytest.raises(AttributeError):
        status.state = "fine"  # frozen
    assert pickle.loads(pickle.dumps(status)) == status


def test_status_and_trades_are_those_of_the_backtest(ended):
    report = cb.backtest(STRATEGY, BARS)
    pd.testing.assert_frame_equal(ended.trades(), report.trades, check_exact=True)
    assert ended.status().trades == (report.trades["status"] == "closed").sum() > 10
    assert float(ended.status().equity) == pytest.approx(report.equity.iloc[-1], rel=1e-9)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 10_000])
def test_the_newest_trades_are_the_end_of_all_trades(ended, n):
    every = ended.trades()
    pd.testing.assert_frame_equal(
        ended.trades(n).reset_index(drop=True), every[len(every) - min(n, len(every)) :].reset_index(drop=True)
    )


def test_the_trades_are_a_table_with_one_open_trade_at_most(running):
    handle, _ = running
    trades = handle.trades()
    assert tuple(trades.columns) == TRADE_COLUMNS
    closed = trades[trades["status"] == "closed"]
    assert len(closed) == handle.status().trades > 5
    assert len(trades) - len(closed) == (1 if handle.status().quantity else 0)
    assert (closed["exit_time"] > closed["entry_time"]).all()
    trades.iloc[:, 1] = -1.0  # the reader's own copy
    assert (handle.trades()["entry_price"] > 0).all()


@pytest.mark.parametrize("n", [0, 1, 250, 10_000])
def test_the_tape_is_the_newest_bars_with_all_that_belongs_to_them(running, n):
    handle, _ = running
    tape = handle.tape(n)
    size = min(n, 400)
    for column in (
        tape.time,
        tape.open,
        tape.high,
        tape.low,
        tape.close,
        tape.volume,
        tape.equity,
        *tape.features.values(),
    ):
        assert column.shape == (size,)
    assert tape.time.dtype == np.int64
    assert set(tape.features) == {"fast", "slow", "volatility"}
    np.testing.assert_array_equal(tape.close, BARS["close"].to_numpy()[400 - size : 400])
    wanted = STRATEGY.batch(BARS).features
    for name, values in tape.features.items():
        np.testing.assert_array_equal(values, wanted[name][400 - size : 400])
    every = handle.tape(400).fills
    assert len(every) > 10
    assert tape.fills == tuple(fill for fill in every if size and fill.time >= tape.time[0])


def test_the_tape_is_the_readers_own(running):
    handle, _ = running
    handle.tape(10).close[:] = 0.0
    assert (handle.tape(10).close > 0).all()


@pytest.mark.parametrize(("bars", "trades"), [(0, 0), (1, 1), (250, 3), (None, None)])
def test_a_snapshot_is_all_that_can_be_read_at_one_moment(running, bars, trades):
    handle, _ = running
    shot = handle.snapshot(bars, trades)
    assert shot.status == handle.status()
    assert repr(shot.explanation) == repr(handle.explain())
    pd.testing.assert_frame_equal(trade_table(shot.trades), handle.trades(trades), check_exact=True)
    pd.testing.assert_frame_equal(order_table(shot.orders), handle.open_orders(), check_exact=True)
    tape = handle.tape(bars)
    for name in ("time", "open", "high", "low", "close", "volume", "equity"):
        np.testing.assert_array_equal(getattr(shot.tape, name), getattr(tape, name))
    assert (shot.tape.fills, shot.tape.sequence) == (tape.fills, shot.status.sequence)


def test_the_sequence_tells_whether_anything_is_new(running):
    handle, gate = running
    first = handle.status().sequence
    assert handle.status().sequence == handle.tape(5).sequence == first
    gate.open()
    assert handle.wait(PATIENCE)
    assert handle.status().sequence > first


def test_the_log_is_oldest_first_and_can_be_added_to(running):
    handle, _ = running
    times = [line.time for line in handle.logs()]
    assert times == sorted(times)
    before = handle.status().sequence
    handle.log("warning", "the panel says hello")
    [line] = handle.logs(1)
    assert (line.level, line.text) == ("warning", "the panel says hello")
    assert handle.status().sequence > before
    assert {line.level for line in handle.logs()} <= {"debug", "info", "warning", "error"}
    with pytest.raises(cb.ConfigError, match="warnign"):
        handle.log("warnign", "x")


def test_explain_says_why_the_last_bar_did_or_did_not_trade(running):
    handle, _ = running
    said = handle.explain()
    assert said.time == BARS.index[399].value
    assert set(said.features) == {"fast", "slow", "volatility"}
    assert said.position == ("long" if handle.status().quantity else "flat")
    assert "Fast" in said.text
    assert said.outcome in said.text


def test_parameters_change_at_the_next_close(running):
    handle, gate = running
    handle.set_parameters(fast=4, slow=11)
    assert handle.status().parameters["slow"] == 11
    assert handle.strategy == STRATEGY.replace(fast=4, slow=11)
    gate.open()
    assert handle.wait(PATIENCE)
    tape = handle.tape(800)
    wanted = STRATEGY.replace(fast=4, slow=11).batch(BARS).features
    for name, values in tape.features.items():
        np.testing.assert_array_equal(values, wanted[name])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fsat": 4}, r"Did you mean `fast`\?"),
        ({"fast": 0}, "`fast` is 0"),
        ({"fast": 9}, "`fast` below `slow`"),
        ({"slow": None}, "`slow` is None"),
    ],
)
def test_bad_parameters_are_refused_and_change_nothing(running, changes, words):
    handle, _ = running
    before = handle.status()
    with pytest.raises(cb.ConfigError, match=words):
        handle.set_parameters(**changes)
    assert handle.status() == before
    assert handle.strategy == STRATEGY


def test_it_says_who_it_is(new):
    handle, _ = new
    assert (handle.name, handle.mode) == ("handle", "practice")
    assert handle.strategy == STRATEGY
    assert "handle" in repr(handle)


def test_it_can_be_waited_for(running):
    handle, gate = running
    assert not handle.wait(0)
    assert not handle.wait_until(lambda: handle.status().bars > 400, 0)
    gate.open()
    assert handle.wait_until(lambda: handle.status().bars > 400, PATIENCE)
    assert handle.wait(PATIENCE)
    assert handle.wait()


def test_the_bars_are_those_of_the_tape(running):
    handle, _ = running
    pd.testing.assert_frame_equal(handle.bars(), BARS[:400], check_exact=True, check_freq=False)


def test_another_strategy_trades_from_the_next_close_on(running):
    handle, gate = running
    wanted = cb.BuyAndHold()
    assert handle.set_strategy(wanted) == handle.strategy == wanted
    with pytest.raises(cb.ConfigError, match="is not a strategy"):
        handle.set_strategy(cb.BuyAndHold)
    gate.open()
    assert handle.wait(PATIENCE)
    assert handle.status().strategy == "buy_and_hold"


def test_a_kill_sends_nothing_more_until_it_is_cleared(running):
    handle, gate = running
    status = handle.kill(reason="a test says so")
    assert (status.trading_state, status.open_orders) == ("halted", 0)
    assert "a test says so" in status.trading_reason
    assert status == handle.status()
    assert handle.clear("the test has seen enough").trading_state == "active"
    handle.kill()
    before = len(handle.tape(None).fills)
    gate.open()
    assert handle.wait(PATIENCE)  # it went on watching to the last bar
    assert (handle.status().bars, handle.status().trading_state) == (800, "halted")
    assert len(handle.tape(None).fills) == before


@pytest.mark.parametrize("order", ["kill", "flatten"])
def test_the_position_is_sold_when_that_is_asked_for(running, order):
    handle, gate = running
    wanted = cb.BuyAndHold()
    handle.set_strategy(wanted)
    held = handle.status().quantity
    status = handle.kill(flatten=True) if order == "kill" else handle.flatten()
    assert status.trading_state == ("halted" if order == "kill" else "reducing")
    gate.open()
    assert handle.wait(PATIENCE)
    assert handle.status().quantity == 0
    assert len(handle.trades()) >= (1 if held else 0)


def test_people_were_told_what_happened(ended):
    told = ended.notices()
    assert [notice.topic for notice in told][:1] == ["started"]
    assert {"entry", "exit"} <= {notice.topic for notice in told}
    assert ended.notices(2) == told[-2:]
    assert ended.notices(0) == []
    assert all(notice.text in {line.text for line in ended.logs()} for notice in told[-5:])


def test_open_orders_are_a_table(running):
    handle, _ = running
    orders = handle.open_orders()
    assert list(orders.columns) == [
        "id",
        "side",
        "type",
        "state",
        "quantity",
        "filled",
        "price",
        "stop_price",
        "time",
        "reason",
    ]
    assert len(orders) == handle.status().open_orders
    assert str(orders["time"].dtype).startswith("datetime64[ns, UTC")
