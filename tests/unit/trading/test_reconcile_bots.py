"""Bots that trade under limits, are stopped and go on, and have a person come between: their journals explain it all."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

import cryptobot as cb
from cryptobot.core.bars import time_text
from cryptobot.core.types import Mode, Side
from cryptobot.market.practice import PRACTICE_MARKET
from cryptobot.trading.journal import JournalHeader, JournalView, MemoryJournal, SqliteJournal
from cryptobot.trading.reconciliation import reconcile

BARS = cb.practice_bars(900, seed=5)
HISTORY = 300
STRATEGY = cb.MovingAverageCrossover(3, 9, 5, 0.0)
HEADER = JournalHeader("bot", "replay", "", Mode.PRACTICE, "BTC/USDT", "1m", 1)
LIMITS = {
    "none": None,
    "sizes": cb.Limits(max_order_value=900, max_position_value=800),
    "stop": cb.Limits(stop_loss=0.001),
    "pair": cb.Limits(stop_loss=0.002, take_profit=0.003, max_order_value=3_000),
    "collar": cb.Limits(price_collar=0.02, max_order_value=900),
    "losses": cb.Limits(max_daily_loss=60, max_drawdown=0.5, stop_loss=0.01),
    "pace": cb.Limits(max_orders_per_minute=1, max_open_orders=1, stop_loss=0.002),
}


def traded(journal, *, limits=None, until=None, make_bot=cb.Bot, strategy=STRATEGY, changes=None, **options):
    """Let a bot trade the bars, or so many of them, and return it at its end.

    `changes` holds strategies by the number of bars after which they take over.
    """
    exchange = cb.ReplayExchange(BARS, market=PRACTICE_MARKET, history=HISTORY)
    bot = make_bot(strategy, exchange=exchange, limits=limits, journal=journal, name="bot", **options)
    touch, waiting = bot.session.touch, dict(changes or {})

    def stops():
        touch()
        for after in [after for after in waiting if bot.session.bars >= after]:
            bot.set_strategy(waiting.pop(after))
        if until is not None and bot.session.bars >= until and bot.session.state == "running":
            bot.session.request_stop()

    bot.session.touch = stops
    bot.run()
    assert bot.status().state == ("stopped" if until is not None else "finished"), bot.status().reason
    return bot


def agrees(found, trades):
    assert found.ok, found
    assert (found.gap, found.notes) == (0, ())
    assert all(share.amount == 0 for share in found.attribution.shares)
    assert found.comparison.trades == trades
    return True


@pytest.mark.parametrize("name", LIMITS)
def test_under_limits_bot_and_journal_agree_with_the_backtest_under_the_same(name, tmp_path):
    limits = LIMITS[name]
    path = tmp_path / "bot.sqlite"
    with SqliteJournal(path, create=HEADER) as journal:
        bot = traded(journal, limits=limits)
        kept = reconcile(bot)
    count = len(bot.trades())
    assert count >= 4
    assert agrees(kept, count)
    assert agrees(reconcile(path), count)
    assert agrees(reconcile(path, BARS), count)
    assert agrees(reconcile(traded(MemoryJournal(), limits=limits)), count)
    # The oracle knows neither: it adds up what the exchange itself has executed.
    cash, held = bot.exchange.core.balances["USDT"].total, bot.exchange.core.balances["BTC"].total
    worth = cash + held * Decimal(str(BARS["close"].iloc[-1]))
    assert abs(worth - kept.attribution.actual) < Decimal("1e-9")


def test_the_sizing_of_the_bot_is_that_of_the_backtest(tmp_path):
    path = tmp_path / "bot.sqlite"
    with SqliteJournal(path, create=HEADER) as journal:
        bot = traded(journal, sizing=cb.FixedQuote(700))
    assert agrees(reconcile(path), len(bot.trades()))
    assert reconcile(path).backtest.sizing == cb.FixedQuote(700)


@pytest.mark.parametrize("name", ["none", "pair"])
def test_a_bot_that_was_stopped_and_went_on_is_one_session(name, tmp_path):
    path, stops = tmp_path / "bot.sqlite", (97, 101, 160, None)
    for until in stops:
        with SqliteJournal(path, create=HEADER) as journal:
            bot = traded(journal, limits=LIMITS[name], until=until)
            assert agrees(reconcile(bot), len(bot.trades()))
    whole = reconcile(path)
    assert agrees(whole, len(bot.trades()))
    assert len(whole.backtest.bars) == len(BARS) - HISTORY
    assert agrees(reconcile(traded(MemoryJournal(), limits=LIMITS[name])), len(bot.trades()))


OTHERS = [cb.MovingAverageCrossover(2, 5, 9, 0.0), cb.MovingAverageCrossover(8, 21, 3, 0.0002)]


@pytest.mark.parametrize("name", ["none", "pair"])
@pytest.mark.parametrize("on_disk", [True, False])
def test_changed_parameters_are_changed_in_the_backtest_at_the_same_bar(name, on_disk, tmp_path):
    path = tmp_path / "bot.sqlite"
    journal = SqliteJournal(path, create=HEADER) if on_disk else MemoryJournal(HEADER)
    bot = traded(journal, limits=LIMITS[name], changes={140: OTHERS[0], 141: OTHERS[1], 333: STRATEGY})
    assert bot.session.engine.parameter_changes == 3
    found = [reconcile(bot)]
    if on_disk:
        journal.close()
        found.append(reconcile(path))
    for one in found:
        assert (one.ok, one.gap) == (True, 0), one
        assert one.comparison.trades == len(bot.trades()) > 20
        (note,) = one.notes
        for strategy, after in ((OTHERS[0], 140), (OTHERS[1], 141), (STRATEGY, 333)):
            assert f"{strategy!r} from {time_text(at(after))} on" in note
        assert one.backtest.strategy == STRATEGY
    # Whoever leaves a change out has another backtest.
    plain = cb.backtest(STRATEGY, BARS, start=BARS.index[HISTORY], limits=LIMITS[name], market=PRACTICE_MARKET)
    assert len(plain.trades) != len(found[0].backtest.trades)


def at(bars):
    """Return the open time of the bar that follows so many bars of a session."""
    return int(BARS.index[HISTORY + bars].value)


def test_parameters_that_are_changed_at_a_restart_count_from_there(tmp_path):
    path = tmp_path / "bot.sqlite"
    for strategy, until in ((STRATEGY, 150), (OTHERS[0], 211), (OTHERS[0], 95), (STRATEGY, None)):
        with SqliteJournal(path, create=HEADER) as journal:
            bot = traded(journal, strategy=strategy, until=until)
            found = reconcile(bot)
            assert (found.ok, found.gap) == (True, 0), found
    whole = reconcile(path)
    assert (whole.ok, whole.gap, len(whole.backtest.bars)) == (True, 0, len(BARS) - HISTORY)
    assert whole.notes[0].count(" on") == 2 + whole.notes[0].count("one")


@pytest.mark.parametrize("on_disk", [True, False])
def test_who_clears_a_drawdown_lets_the_bot_trade_on_and_that_is_a_manual_order(
    on_disk, make_bot, make_frame, told, step_clock, tmp_path
):
    words = "--b---s--b------s---b-----s---"
    prices = [100.0] * 4 + [90.0] * 6 + [90.0 + n for n in range(len(words) - 10)]
    clock = step_clock()
    exchange = cb.ReplayExchange(make_frame(words, prices), fee=0.001, speed=1, clock=clock)
    header = replace(HEADER, symbol="BASE/QUOTE")
    journal = SqliteJournal(tmp_path / "bot.sqlite", create=header) if on_disk else MemoryJournal(header)
    bot = make_bot(told(), exchange, journal=journal, name="bot", limits=cb.Limits(max_drawdown=0.05)).start()
    clock.step(13)
    assert len(bot.trades()) == 1
    assert bot.status().quantity == 0
    bot.clear(reason="had a look")
    clock.release()
    assert bot.wait(30)
    assert len(bot.trades()) == 2
    found = reconcile(bot)
    shares = {share.cause: share for share in found.attribution.shares if share.amount}
    assert set(shares) == {"manual order"}
    assert shares["manual order"].amount == found.gap > 0
    assert shares["manual order"].orders >= 1
    if on_disk:
        journal.close()
        again = reconcile(tmp_path / "bot.sqlite", strategy=told)
        assert again.attribution.shares == found.attribution.shares


def test_an_execution_after_a_restart_is_not_taken_for_one_before(tmp_path):
    path = tmp_path / "bot.sqlite"
    for until in (200, None):
        with SqliteJournal(path, create=HEADER) as journal:
            bot = traded(journal, until=until)
    fills = JournalView.of(path).fills
    assert len({fill.id for fill in fills}) == len(fills)
    assert bot.status().quantity == bot.exchange.core.balances["BTC"].total


def flattened(make_bot, make_frame, told, clock, journal, reason="I am leaving"):
    """A bot that is flat by a person's hand on the 5th bar; later it is let trade again."""
    words = "--b------s--b---s---b-----s---"
    prices = [100.0 + (7 * n) % 5 for n in range(len(words))]
    exchange = cb.ReplayExchange(make_frame(words, prices), fee=0.001, speed=1, clock=clock)
    bot = make_bot(told(), exchange, journal=journal, name="bot").start()
    clock.step(6)
    assert bot.status().quantity > 0
    bot.flatten(reason=reason)
    clock.step(12)
    assert bot.status().quantity == 0
    bot.clear(reason="had a look")
    clock.release()
    assert bot.wait(30)
    return bot


@pytest.mark.parametrize("on_disk", [True, False])
@pytest.mark.parametrize("reason", ["I am leaving", "no more signals for me"])
def test_what_a_person_did_is_a_manual_order_and_nothing_else(
    on_disk, reason, make_bot, make_frame, told, step_clock, tmp_path
):
    header = replace(HEADER, opened=1, symbol="BASE/QUOTE")
    journal = SqliteJournal(tmp_path / "bot.sqlite", create=header) if on_disk else MemoryJournal(header)
    bot = flattened(make_bot, make_frame, told, step_clock(), journal, reason)
    sold = [fill for fill in bot.session.engine.fills if fill.side is Side.SELL]
    assert len(sold) == 2
    found = reconcile(bot)
    shares = {share.cause: share.amount for share in found.attribution.shares if share.amount}
    assert set(shares) == {"manual order"}
    assert shares["manual order"] == found.gap != 0
    if on_disk:
        journal.close()
        again = reconcile(tmp_path / "bot.sqlite", strategy=told)
        assert again.attribution.shares == found.attribution.shares


def test_a_bot_of_another_process_is_explained_by_its_journal(tmp_path):
    class Far:
        """What is left of a bot where it does not run."""

        def __init__(self, status):
            self.status = lambda: status

    with SqliteJournal(tmp_path / "bot.sqlite", create=HEADER) as journal:
        near = traded(journal)
        assert agrees(reconcile(Far(near.status())), len(near.trades()))
    with pytest.raises(cb.ConfigError, match="keeps no journal on disk"):
        reconcile(Far(traded(MemoryJournal()).status()))


def test_a_bot_takes_no_strategy_of_somebody_else():
    bot = cb.Bot(STRATEGY, exchange=cb.ReplayExchange(BARS))
    with pytest.raises(cb.ConfigError, match="Give them with a journal only"):
        reconcile(bot, strategy=STRATEGY)
