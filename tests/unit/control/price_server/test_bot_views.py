"""What the server tells of a bot is what the bot says itself, and asking never waits for the bot."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.trading.session_stats import session_stats
from mcp_server.errors import BackendError, Unavailable, UnknownName

TRADING = ("trading_state", "trading_reason", "open_orders", "unknown_orders", "protected", "connected")


def test_the_status_is_the_bots(backend, bot, of):
    status, found = bot.status(), of(backend.bot_status(None))
    assert (found.bot, found.mode, found.state, found.reason) == (
        bot.name,
        "practice",
        "finished",
        "replay has no more bars",
    )
    for name in ("price", "bars", "trades", "symbol", "timeframe", "strategy", "parameters", *TRADING):
        assert getattr(found, name) == getattr(status, name)
    for name in ("quantity", "cash", "equity", "initial_equity", "realised_pnl", "unrealised_pnl", "fees", "day_pnl"):
        assert getattr(found, name) == float(getattr(status, name))


def test_trades_come_newest_first_and_each_once(backend, bot, of):
    table = bot.trades()
    rows, cursor, pages = [], None, 0
    while True:
        page = of(backend.trades(None, 50, cursor))
        assert len(page.trades) <= 50
        rows, cursor, pages = rows + page.trades, page.next_cursor, pages + 1
        if cursor is None:
            break
    assert pages >= 3
    assert [row.pnl for row in rows] == table["pnl"].tolist()[::-1]
    assert [row.entry_time for row in rows] == [moment.to_pydatetime() for moment in table["entry_time"]][::-1]
    assert np.allclose([row.return_pct for row in rows], 100 * table["return"].to_numpy()[::-1])


def test_the_open_trade_is_on_the_first_page_only(make_bot, make_backend, of):
    bot = make_bot(cb.ReplayExchange(cb.practice_bars(100)), cb.BuyAndHold())
    bot.run()
    backend = make_backend(bot)
    page = of(backend.trades(None, 10, None))
    assert [row.exit_time for row in page.trades] == [None]
    assert page.next_cursor is None
    assert of(backend.trades(None, 10, "0")).trades == []


@pytest.mark.parametrize("cursor", ["x", "-1", "999999", "1.5", "²"])
def test_a_made_up_cursor_is_refused(backend, of, cursor):
    with pytest.raises(BackendError, match="not one that a page gave"):
        of(backend.trades(None, 10, cursor))


def test_performance_over_all_is_that_of_the_session(backend, bot, of):
    stats, found = session_stats(bot), of(backend.performance(None, "all"))
    assert found.return_pct == pytest.approx(100 * stats.total_return)
    assert found.max_drawdown_pct == pytest.approx(100 * stats.max_drawdown)
    assert found.sharpe == pytest.approx(stats.sharpe)
    assert found.trades == stats.trades
    assert found.win_rate_pct == pytest.approx(100 * stats.win_rate)
    assert found.profit_factor == pytest.approx(stats.profit_factor)
    assert found.fees == pytest.approx(stats.fees_paid)
    assert found.equity == pytest.approx(stats.final_equity)
    bars = bot.bars().iloc[500:]
    assert found.buy_and_hold_pct == pytest.approx(100 * (bars.close.iloc[-1] / bars.close.iloc[0] - 1))
    assert found.start == bars.index[0].to_pydatetime()


def test_performance_over_a_day_is_of_the_last_day(backend, bot, of):
    found = of(backend.performance(None, "1d"))
    tape = bot.tape(1_441)
    expected = tape.equity[-1] / tape.equity[0] - 1
    assert found.return_pct == pytest.approx(100 * expected)
    assert found.buy_and_hold_pct == pytest.approx(100 * (tape.close[-1] / tape.close[0] - 1))
    table = bot.trades()
    closed = table[(table.status == "closed") & (table.exit_time >= found.start)]
    assert found.trades == len(closed) < bot.status().trades


def test_a_bot_that_has_not_traded_has_no_performance_yet(make_bot, make_backend, of):
    found = of(make_backend(make_bot()).performance(None, "all"))
    assert (found.return_pct, found.trades, found.sharpe) == (0.0, 0, None)


def test_the_price_feed_is_what_the_chart_shows(backend, bot, of):
    tape, found = bot.tape(120), of(backend.price_feed(None, 120))
    assert found.close == tape.close.tolist()
    assert set(found.averages) == {"fast", "slow"}
    assert found.averages["fast"] == tape.features["fast"].tolist()
    assert found.volatility == tape.features["volatility"][-1]
    assert [(mark.side, mark.price) for mark in found.trades] == [(str(f.side), float(f.price)) for f in tape.fills]
    assert found.trades
    assert found.price.price == found.close[-1]


def test_a_strategy_without_volatility_gets_that_of_its_bars(make_bot, make_backend, of):
    """Its strength index is no average either, also where the price is some 50, too."""
    bars = cb.practice_bars(300)
    bars[["open", "high", "low", "close"]] /= bars.close.iloc[-1] / 50
    bot = make_bot(cb.ReplayExchange(bars), cb.RsiReversal(window=60))
    bot.run()
    found = of(make_backend(bot).price_feed(None, 50))
    window = cb.RollingVolatility().window
    assert found.volatility == pytest.approx(bars.close.pct_change().iloc[-window:].std(ddof=0))
    assert found.averages == {}


def test_signal_and_decision_are_those_of_the_newest_candle(make_bot, make_backend, of):
    """A bot is replayed up to a bar that it bought on, and up to the one after it."""
    bars = cb.practice_bars(400, seed=5)
    strategy = cb.MovingAverageCrossover(fast=3, slow=8)
    first = int(np.flatnonzero(strategy.batch(bars).buy)[0])
    for last, signal, decision in ((first, "buy", "buy"), (first + 1, "none", "hold")):
        bot = make_bot(cb.ReplayExchange(bars.iloc[: last + 1]), strategy, name=f"to-{last}")
        bot.run()
        backend = make_backend(bot)
        assert of(backend.price_feed(None, 10)).signal == signal
        said = of(backend.explain(None))
        assert (said.decision, said.text) == (decision, bot.explain().text)
        assert said.values["fast"] == bot.tape(1).features["fast"][-1]


def test_logs_are_bounded_and_of_a_level(backend, bot, of):
    bot.log("error", "it broke")
    assert [line.text for line in of(backend.bot_logs(None, 100, "error")).lines] == ["it broke"]
    lines = of(backend.bot_logs(None, 7, "debug")).lines
    assert [line.text for line in lines] == [line.text for line in bot.logs(7)]
    of(backend.note_frontend_error(None, "page: x is undefined"))
    assert (bot.logs(1)[0].level, bot.logs(1)[0].text) == ("error", "page: x is undefined")


def test_nobody_waits_for_a_bot_that_is_busy(backend, bot, of):
    """The bot's lock is held all the while: every look at the bot answers from the copy."""
    of(backend.price_feed(None, 10))  # the explanation is made once a bar
    held, let_go = threading.Event(), threading.Event()

    def hold():
        with bot.lock:
            held.set()
            let_go.wait(30)

    def look():
        of(backend.price("BTC/USDT"))
        of(backend.prices())
        of(backend.candles("BTC/USDT", "1m", 500, None))
        of(backend.indicators("BTC/USDT", "1m", ["sma", "rsi"], 200))
        of(backend.bot_status(None))
        of(backend.bot_logs(None, 100, "info"))
        of(backend.trades(None, 100, None))
        of(backend.performance(None, "7d"))
        of(backend.price_feed(None, 500))
        of(backend.explain(None))

    holder = threading.Thread(target=hold)
    looker = threading.Thread(target=look, daemon=True)
    holder.start()
    assert held.wait(10)
    looker.start()
    looker.join(20)
    waits = looker.is_alive()
    let_go.set()
    holder.join()
    assert not waits


def test_bots_are_named(make_bot, make_backend, of):
    first, second = make_bot(name="first"), make_bot(name="second")
    backend = make_backend([first, second])
    assert of(backend.bots()) == ["first", "second"]
    assert of(backend.bot_status("second")).bot == "second"
    with pytest.raises(BackendError, match="There are 2 bots. Name one of them: first, second"):
        of(backend.bot_status(None))
    with pytest.raises(UnknownName, match="Did you mean `first`"):
        of(backend.bot_status("firts"))


def test_without_bots_the_ones_that_run_are_shown_and_remembered(make_bot, make_backend, of, eventually):
    backend = make_backend()
    with pytest.raises(Unavailable, match="There is no bot here"):
        of(backend.bot_status(None))
    bot = make_bot(name="late").start()
    assert of(backend.bot_status(None)).state == "running"
    of(backend.stop_bot("late"))
    assert of(backend.bot_status("late")).state == "stopped"
    of(backend.start_bot("late"))
    assert bot.status().state == "running"
    eventually(lambda: of(backend.symbols()) == ("BTC/USDT",))
