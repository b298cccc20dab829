"""What you test, trades: a bot on a simulated exchange against the backtest of the same bars, digit for digit.

The oracle is the exchange's own ledger; the bot's books and the backtest's are both held against it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.core.events import OrderFilled
from cryptobot.core.money import Market, exact_money
from cryptobot.exchange import simulated
from cryptobot.market.practice import PRACTICE_MARKET

PATIENCE = 240
FILES = (
    "BTC_USDT-1m-2023-halt",
    "BTC_USDT-1h-2017-2024",
    "BTC_USDT-5m-2022-2023",
    "ETH_USDT-5m-2022-2023",
    "SOL_USDT-5m-2022-2023",
    "XRP_ETH-1m-2019-illiquid",
)
RULES = {
    "BTC": Market("BTC/USDT", "0.01", "0.00001", "5"),
    "ETH": Market("ETH/USDT", "0.01", "0.0001", "5"),
    "SOL": Market("SOL/USDT", "0.01", "0.01", "5"),
    "XRP": Market("XRP/ETH", "0.00000001", "1", "0.001"),
}
# Where the halt of 2023-03-24 lies in the file of minutes: the normal run must not miss it.
HALT = "2023-03-24 12:40"
ROWS = 20_000


def recorded_bars(recorded, name, rows=None):
    """Return bars of a recorded file, or practice bars with holes where there is none."""
    if recorded is None:
        return cb.practice_bars(rows or 60_000, seed=FILES.index(name), holes=25)
    bars = cb.read_bars(recorded / f"{name}.feather")
    if rows is None or len(bars) <= rows:
        return bars
    first = max(0, int(bars.index.searchsorted(pd.Timestamp(HALT, tz="UTC"))) - rows // 2) if "1m" in name else 0
    return bars.iloc[first : first + rows]


def trade(strategy, exchange, **options):
    bot = cb.Bot(strategy, exchange=exchange, **options)
    bot.start()
    assert bot.wait(PATIENCE), "the replay does not end"
    assert bot.status().state == "finished", bot.status().reason
    return bot


def agree(bot, report, least=1):
    """Assert that bot, exchange and backtest tell the same story, to the last digit."""
    ledger, status = bot.exchange.ledger, bot.status()
    assert len(ledger.trades) >= least
    # The books of the bot against those of the exchange.
    assert (status.cash, status.quantity, status.fees) == (ledger.cash, ledger.quantity, ledger.fees)
    assert bot.session.engine.portfolio.trades == ledger.trades
    assert bot.session.engine.fills == bot.exchange.executed
    # The backtest against those of the exchange.
    facts = [(f.time, f.side, f.price, f.quantity, f.fee) for f in bot.exchange.executed]
    assert [(f.time, f.side, f.price, f.quantity, f.fee) for f in report.fills] == facts
    assert report.cash == ledger.initial_cash
    cash = report.cash
    for fill in report.fills:
        cash = exact_money(
            lambda c, f: c - f.price * f.quantity - f.fee if f.side == "buy" else c + f.price * f.quantity - f.fee
        )(cash, fill)
    assert abs(cash - ledger.cash) <= abs(ledger.initial_cash) * Decimal("1e-30")
    # And what people look at.
    pd.testing.assert_frame_equal(bot.trades(), report.trades, check_exact=True)
    assert float(status.equity) == pytest.approx(float(report.equity.iloc[-1]), rel=1e-9)
    np.testing.assert_allclose(bot.tape(None).equity[-len(report.equity) :], report.equity, rtol=1e-9)
    reconciled = cb.reconcile(bot)
    assert reconciled.differences == 0, reconciled
    assert reconciled.ok
    pd.testing.assert_frame_equal(reconciled.backtest.trades, report.trades, check_exact=True)


def replay(strategy, bars, *, sizing=None, market=None, least=1, history=0, **costs):
    exchange = cb.ReplayExchange(bars, market=market, history=history, **costs)
    bot = trade(strategy, exchange, sizing=sizing)
    start = bars.index[history] if history else None
    report = cb.backtest(strategy, bars, sizing=sizing, market=market, start=start, **costs)
    agree(bot, report, least)
    return bot, report


STRATEGIES = {
    "ma_crossover": cb.MovingAverageCrossover(10, 30, 20, 0.0),
    "rsi": cb.RsiReversal(),
    "buy_and_hold": cb.BuyAndHold(),
}


def test_every_registered_strategy_is_tried_here():
    shipped = [name for name in cb.strategies() if type(cb.get_strategy(name)).__module__.startswith("cryptobot.")]
    assert sorted(STRATEGIES) == sorted(shipped)


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("name", STRATEGIES)
def test_on_the_practice_market(name, seed):
    bars = cb.practice_bars(6_000, seed=seed, holes=20)
    replay(STRATEGIES[name], bars, least=0 if name == "buy_and_hold" else 20)


@pytest.mark.parametrize("sizing", [None, cb.FractionOfEquity(0.37), cb.FixedQuote(777.77)], ids=repr)
@pytest.mark.parametrize("market", [None, PRACTICE_MARKET], ids=["free", "rules"])
@pytest.mark.parametrize(("fee", "slippage"), [(0, 0), (0.001, 2.5), (0.00075, 0)])
def test_with_every_kind_of_cost_size_and_rule(sizing, market, fee, slippage):
    bars = cb.practice_bars(1_500, seed=5)
    strategy = cb.MovingAverageCrossover(3, 9)
    replay(strategy, bars, sizing=sizing, market=market, fee=fee, slippage_bps=slippage, least=30)


def test_orders_that_the_market_refuses_are_refused_on_both_sides():
    market = replace(PRACTICE_MARKET, min_notional=Decimal(9_990))
    bot, report = replay(cb.MovingAverageCrossover(3, 9), cb.practice_bars(1_000, seed=5), market=market, least=1)
    refused = [line for line in bot.logs() if "was refused" in line.text]
    assert len(refused) == len(report.refused) > 0


@pytest.mark.parametrize("name", STRATEGIES)
def test_with_a_history_the_backtest_starts_where_the_bot_did(name):
    bars = cb.practice_bars(3_000, seed=9)
    bot, _ = replay(STRATEGIES[name], bars, history=700, least=0 if name == "buy_and_hold" else 5)
    assert len(bot.bars()) == 3_000
    assert bot.status().bars == 2_300


def test_a_bot_that_saw_only_the_newest_history_agrees_with_one_that_saw_all():
    # 5,000 bars are past and the bot asks for the newest 1,000: windows must not remember where a run began.
    bars = cb.practice_bars(8_000, seed=4)
    bot, _ = replay(cb.MovingAverageCrossover(10, 300), bars, history=5_000, least=5)
    assert len(bot.bars()) == 4_000


@pytest.mark.parametrize(("history", "slippage"), [(300, 0), (0, 5)])
def test_the_practice_exchange_against_its_own_bars(history, slippage):
    strategy, wanted = cb.MovingAverageCrossover(5, 20), history + 2_000
    exchange = cb.PracticeExchange(21, speed=math.inf, history=history, slippage_bps=slippage)
    bot = cb.Bot(strategy, exchange=exchange)
    touch = bot.session.touch
    enough = []

    def touched():
        touch()
        if bot.session.bars >= 2_000 and not enough:
            enough.append(True)
            bot.session.request_stop()

    bot.session.touch = touched
    bot.start()
    assert bot.wait(PATIENCE)
    assert bot.status().state == "stopped"
    bars = cb.practice_bars(wanted, seed=21)
    pd.testing.assert_frame_equal(bot.bars(), bars, check_exact=True, check_freq=False)
    report = cb.backtest(
        strategy, bars, market=PRACTICE_MARKET, slippage_bps=slippage, start=bars.index[history] if history else None
    )
    agree(bot, report, least=20)


def test_a_bot_stopped_and_started_on_every_hundredth_bar_trades_the_same_while_flat_orders_wait_for_nothing():
    bars = cb.practice_bars(2_000, seed=13)
    strategy = cb.MovingAverageCrossover(5, 20)
    bot = cb.Bot(strategy, exchange=cb.ReplayExchange(bars))
    engine_waits = []
    touch = bot.session.touch

    def touched():
        touch()
        engine = bot.session.engine
        if (
            bot.session.bars % 100 == 50
            and engine is not None
            and engine.waiting is None
            and bot.session.bars not in engine_waits
        ):
            engine_waits.append(bot.session.bars)
            bot.session.request_stop()

    bot.session.touch = touched
    for _ in range(100):
        bot.start()
        assert bot.wait(PATIENCE)
        if bot.status().state == "finished":
            break
    assert len(engine_waits) >= 10
    agree(bot, cb.backtest(strategy, bars), least=10)


@pytest.mark.parametrize("name", FILES)
def test_on_recorded_candles(recorded, name):
    bars = recorded_bars(recorded, name, ROWS)
    market = RULES[name.partition("_")[0]] if recorded is not None else PRACTICE_MARKET
    costs = {"fee": 0.001, "slippage_bps": 1, "cash": 10 if market.quote == "ETH" else 10_000}
    replay(STRATEGIES["ma_crossover"], bars, least=10, **costs)
    replay(STRATEGIES["rsi"], bars.iloc[:6_000], market=market, least=2, **costs)


def test_the_halt_of_2023_is_in_what_is_tried(recorded):
    bars = recorded_bars(recorded, "BTC_USDT-1m-2023-halt", ROWS)
    steps = np.diff(bars.index.as_unit("s").asi8)
    assert steps.max() >= (81 * 60 if recorded is not None else 120)


@pytest.mark.campaign
@pytest.mark.parametrize("ruled", [False, True], ids=["free", "rules"])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", FILES)
def test_on_whole_recorded_files(recorded, name, strategy, ruled):
    bars = recorded_bars(recorded, name)
    market = RULES[name.partition("_")[0]] if recorded is not None else PRACTICE_MARKET
    costs = {"fee": 0.001, "slippage_bps": 1, "cash": 10 if market.quote == "ETH" else 10_000}
    replay(STRATEGIES[strategy], bars, market=market if ruled else None, least=0, **costs)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(200))
def test_on_many_practice_markets(seed):
    random = np.random.default_rng(seed)
    fast = int(random.integers(1, 30))
    strategy = cb.MovingAverageCrossover(
        fast, fast + int(random.integers(1, 60)), int(random.integers(2, 40)), float(random.choice([0, 2e-4]))
    )
    market = PRACTICE_MARKET if random.random() < 0.5 else None
    sizing = [
        None,
        cb.FractionOfEquity(float(random.uniform(0.01, 1))),
        cb.FixedQuote(float(random.uniform(1, 20_000))),
    ][int(random.integers(3))]
    bars = cb.practice_bars(20_000, seed=seed, holes=int(random.integers(0, 50)))
    costs = {"fee": float(random.choice([0, 0.001, 0.01])), "slippage_bps": float(random.choice([0, 3, 50]))}
    replay(strategy, bars, market=market, sizing=sizing, history=int(random.integers(0, 500)), least=0, **costs)


# -- planted differences: what `reconcile` is for


def planted(monkeypatch, change):
    """Trade with an exchange whose fourth answer is changed; return the reconciliation and that fill."""
    usual, count, changed = simulated.SimulatedExchange._open, [0], []

    def wrong(self, bar):
        answers = usual(self, bar)
        count[0] += len(answers)
        if answers and count[0] == 4:
            changed.append(answers[-1].fill)
            answers[-1] = change(answers[-1])
        return answers

    monkeypatch.setattr(simulated.SimulatedExchange, "_open", wrong)
    bot = cb.Bot(cb.MovingAverageCrossover(3, 9), exchange=cb.ReplayExchange(cb.practice_bars(600, seed=5)))
    bot.run()
    return cb.reconcile(bot), changed[0], bot.status()


def test_a_fill_at_another_price_is_found_and_named(monkeypatch):
    def worse(answer):
        fill = replace(answer.fill, price=answer.fill.price - Decimal("0.01"))
        return OrderFilled(fill)

    found, fill, status = planted(monkeypatch, worse)
    # The bot compares at its end, too, and sees two different words on one execution.
    assert status.state == "halted"
    assert f"fill {fill.id} came as" in status.reason
    assert not found.ok
    first = found.comparison.table.iloc[0]
    assert (first["trade"], first["column"]) == (1, "exit_price")
    assert first["left"] - first["right"] == pytest.approx(0.01)
    assert first["left"] == float(fill.price)
    # The money that is missing makes every later trade smaller.
    assert found.differences == len(found.trades) - 1
    assert "trade 1" in found.summary()
    assert "exit_price" in found.summary()
    assert "DIFFERS" in repr(found)
    assert "Differs" in found._repr_html_()


def test_a_fill_a_bar_late_is_found(monkeypatch):
    found, _, _ = planted(monkeypatch, lambda a: OrderFilled(replace(a.fill, time=a.fill.time + 60 * 10**9)))
    assert found.differences == 1
    assert set(found.comparison.table["column"]) == {"exit_time"}


def test_a_fill_that_never_came_is_found(monkeypatch):
    usual = simulated.SimulatedExchange._open
    count = [0]

    def forgetful(self, bar):
        answers = usual(self, bar)
        count[0] += len(answers)
        return [] if answers and count[0] == 3 else answers

    monkeypatch.setattr(simulated.SimulatedExchange, "_open", forgetful)
    bot = trade(cb.MovingAverageCrossover(3, 9), cb.ReplayExchange(cb.practice_bars(600, seed=5)))
    found = cb.reconcile(bot)
    # The exchange bought, and the bot waits for its answer: it never sells, so that every later trade is missing.
    assert len(found.trades) == 2
    assert bool(found.trades["status"].iloc[1] == "open")
    assert found.differences == len(found.backtest.trades) - 1 > 5
    # But at its end it compares, and finds the execution that it was never told of.
    assert bot.status().quantity == bot.exchange.ledger.quantity > 0


def test_reconcile_refuses_what_it_cannot_compare():
    bars = cb.practice_bars(300, seed=5)
    bot = cb.Bot(cb.MovingAverageCrossover(3, 9), exchange=cb.ReplayExchange(bars))
    with pytest.raises(cb.ConfigError, match="has seen no bars yet"):
        cb.reconcile(bot)
    silent = trade(cb.MovingAverageCrossover(3, 9), cb.ReplayExchange(bars))
    del silent.exchange.costs
    with pytest.raises(cb.ConfigError, match="does not say what it charges"):
        cb.reconcile(silent)


def test_a_reconciliation_against_other_bars_finds_the_difference():
    bars = cb.practice_bars(600, seed=5)
    bot = trade(cb.MovingAverageCrossover(3, 9), cb.ReplayExchange(bars))
    assert cb.reconcile(bot, bars).differences == 0
    doctored = bars.copy()
    doctored.iloc[300:, :4] = (doctored.iloc[300:, :4] * 1.01).round(2)
    assert cb.reconcile(bot, doctored).differences > 0


def test_a_session_is_compared_by_bars_whatever_second_an_order_was_filled_in():
    """On paper and live an order is filled within the next bar, not at its first instant."""
    bot = cb.Bot(cb.MovingAverageCrossover(2, 5), exchange=cb.ReplayExchange(cb.practice_bars(400, seed=3)))
    bot.run()
    fills = bot.session.engine.fills
    fills[:] = [replace(fill, time=fill.time + 7 * 10**9) for fill in fills]
    assert len(fills) > 20
    found = cb.reconcile(bot)
    assert found.differences == 0
    assert found.gap == 0
    fills[-1] = replace(fills[-1], time=fills[-1].time + 60 * 10**9)  # and a bar late is a bar late
    assert cb.reconcile(bot).differences == 1
