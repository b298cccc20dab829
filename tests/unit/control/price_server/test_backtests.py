"""Backtests over the server: in a process of their own, as `backtest` reckons, and ended with whoever asked."""

from __future__ import annotations

import asyncio

import psutil
import pytest

import cryptobot as cb
from cryptobot.control.price_server.jobs import _plain
from cryptobot.control.price_server.strategies import catalogue
from mcp_server.errors import BackendError, UnknownName
from mcp_server.models.research import BacktestRequest

NOTEBOOK = {"__module__": "__main__", "__doc__": "Typed into a cell."}


def request(**changes):
    return BacktestRequest(**{"symbol": "BTC/USDT", "strategy": "ma_crossover", "timeframe": "1m", **changes})


@pytest.fixture
def strategies():
    """A strategy that only this process knows, and one that fails on its first bar."""
    from cryptobot.strategy.catalogue import STRATEGIES

    def buy(self, x):
        return cb.crossed_above(x.average, x.close)

    def sell(self, x):
        return cb.crossed_below(x.average, x.close)

    def fail(self, x):
        raise ZeroDivisionError("on purpose")

    def features(self):
        return {"average": cb.EMA(9)}

    body = {**NOTEBOOK, "features": features, "should_buy": buy, "should_sell": sell}
    cb.strategy("typed_here")(type("TypedHere", (cb.Strategy,), body))
    cb.strategy("failing_here")(type("FailingHere", (cb.Strategy,), {**body, "should_buy": fail}))
    yield
    for name in ("typed_here", "failing_here"):
        del STRATEGIES._parts[name]


def test_a_backtest_is_that_of_the_library(backend, bot, of, strategies, monkeypatch, tmp_path):
    told = []

    async def progress(done, text):
        told.append((done, text))

    async def run():
        wanted = (
            request(strategy="typed_here", fee=0.0005, slippage_bps=1, cash=5_000),
            request(strategy="failing_here"),
        )
        return await asyncio.gather(*(backend.run_backtest(one, progress) for one in wanted), return_exceptions=True)

    found, failed = of(run())
    options = {"fee": 0.0005, "slippage_bps": 1, "cash": 5_000, "market": bot.session.engine.market}
    expected = cb.backtest(cb.get_strategy("typed_here"), bot.bars(), **options, record=False)
    assert found.summary.total_return_pct == pytest.approx(100 * expected.stats.total_return, rel=1e-12)
    assert found.summary.buy_and_hold_pct == pytest.approx(100 * expected.stats.buy_and_hold, rel=1e-12)
    assert found.summary.max_drawdown_pct == pytest.approx(100 * expected.stats.max_drawdown, rel=1e-12)
    assert found.summary.trades == expected.stats.trades > 0
    assert found.summary.fees == expected.stats.fees_paid
    assert (found.summary.symbol, found.summary.bars) == ("BTC/USDT", 2_000)
    assert [row.pnl for row in found.trades] == expected.trades.iloc[::-1].head(200)["pnl"].tolist()
    assert len(found.equity) == len(found.equity_time) <= 500
    assert found.equity[-1] == pytest.approx(expected.equity.iloc[-1])
    assert isinstance(failed, BackendError)
    assert "FailingHere.should_buy raised ZeroDivisionError: on purpose" in str(failed)
    assert max(done for done, _ in told) == 1.0
    assert any("trading 2,000 candles" in text for _, text in told)

    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "true")
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    recorded = cb.backtest(cb.MovingAverageCrossover(), bot.bars())
    comparison = of(backend.compare_backtests([found.summary.id, recorded.run_id]))
    assert [row.id for row in comparison.rows] == [found.summary.id, recorded.run_id]
    better = recorded.run_id if recorded.stats.total_return > expected.stats.total_return else found.summary.id
    assert comparison.best["total_return_pct"] == better
    assert of(backend.backtest(found.summary.id)) == found
    row = of(backend.backtest(recorded.run_id)).summary
    assert (row.trades, row.parameters) == (recorded.stats.trades, cb.MovingAverageCrossover().params)
    with pytest.raises(UnknownName, match=f"Did you mean `{recorded.run_id}`"):
        of(backend.backtest(recorded.run_id[:-1]))
    kept = backend._unrecorded
    assert kept.is_dir()
    backend.close()
    assert not kept.exists()


def test_being_cancelled_ends_the_process(backend, of):
    async def run():
        started = asyncio.Event()

        async def progress(done, text):
            if text == "loading":
                started.set()

        task = asyncio.create_task(backend.run_backtest(request(), progress))
        await asyncio.wait_for(started.wait(), 60)
        (job,) = backend.jobs._running
        process = psutil.Process(job._process.pid)
        assert process.is_running()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return process, job

    process, job = of(run())
    job._thread.join(20)
    assert not job._thread.is_alive()
    assert not process.is_running()
    assert backend.jobs.running == 0


def test_closing_the_server_ends_backtests(backend, of):
    async def run():
        started = asyncio.Event()

        async def progress(done, text):
            if text == "loading":
                started.set()

        task = asyncio.create_task(backend.run_backtest(request(), progress))
        await asyncio.wait_for(started.wait(), 60)
        await asyncio.to_thread(backend.close)
        with pytest.raises(RuntimeError, match="ended with code -?\\d+ and no answer"):
            await task

    of(run())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"strategy": "rsi", "parameters": {"window": -1}}, "`window` is -1"),
        ({"start": "2030-01-01T00:00:00Z"}, "There are 2,000 from 2024-01-01 00:00:00 UTC"),
        ({"end": "2024-01-01T00:00:00Z"}, "Fewer than two 1m candles of BTC/USDT"),
        ({"timeframe": "7m"}, "Known: .*`1m`"),
    ],
)
def test_what_cannot_be_backtested_is_refused_before_anything_runs(backend, of, changes, text):
    async def progress(done, text):
        pass

    with pytest.raises(BackendError, match=text):
        of(backend.run_backtest(request(**changes), progress))
    assert backend.jobs.running == 0


def test_start_and_end_bound_the_candles(backend, bot, of):
    async def progress(done, text):
        pass

    asked = request(start="2024-01-01T02:00:00Z", end="2024-01-01T20:00:00Z")
    found = of(backend._bars(asked, progress))
    expected = bot.bars()["2024-01-01 02:00":"2024-01-01 19:59"]
    assert found.time.tolist() == expected.index.as_unit("ns").asi8.tolist()
    assert found.close.tolist() == expected.close.tolist()


def test_a_backtests_process_gets_no_keys():
    given = {"PATH": "/bin", "BINANCE_API_KEY": "k", "KRAKEN_API_SECRET": "s", "CRYPTOBOT_CONTROL_TOKEN": "t"}
    assert _plain({**given, "SLACK_WEBHOOK_URL": "u", "HOME": "/home"}) == {"PATH": "/bin", "HOME": "/home"}


def test_the_catalogue_has_parameters_as_a_schema(strategies):
    infos = {info.name: info for info in catalogue()}
    assert infos["typed_here"].text == "Typed into a cell."
    schema = infos["ma_crossover"].parameters
    assert schema["properties"]["fast"]["type"] == "integer"
    assert schema["properties"]["fast"]["default"] == cb.MovingAverageCrossover().fast
    assert schema["properties"]["fast"]["minimum"] == 1
    assert schema["additionalProperties"] is False
