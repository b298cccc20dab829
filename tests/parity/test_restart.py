"""A bot that is ended and goes on from its journal trades as if nothing had happened."""

from __future__ import annotations

import math

import pytest

import cryptobot as cb
from cryptobot.control.lockstep import trade_in_step
from cryptobot.exchange.connector.exchange import CcxtExchange
from cryptobot.trading.journal import JournalHeader, JournalView, SqliteJournal

MARKET = cb.Market("BTC/USDT", "0.01", "0.00001", "5")
LIMITS = cb.Limits(stop_loss=0.005, take_profit=0.004)
STRATEGY = cb.MovingAverageCrossover(5, 20)


def header(mode):
    return JournalHeader("again", "somewhere", "", mode, "BTC/USDT", "1m", 1)


def traded(fills):
    return [(fill.side, fill.price, fill.quantity, fill.fee) for fill in fills]


def backtest(bars):
    return cb.backtest(STRATEGY, bars, fee=0.001, slippage_bps=2, limits=LIMITS, market=MARKET, record=False)


class Part:
    """A market whose session ends after some bars."""

    def __init__(self, simulator, most):
        self.simulator, self.left = simulator, most

    @property
    def finished(self):
        return self.simulator.finished or self.left <= 0

    def step(self):
        self.left -= 1
        return self.simulator.step()


def test_through_ccxt_three_restarts_change_nothing(tmp_path):
    bars = cb.practice_bars(600, seed=1)
    path = tmp_path / "again.sqlite"
    simulator = cb.Simulator(
        bars,
        history=0,
        speed="manual",
        balances={"USDT": 10_000},
        fee=0.001,
        fee_asset="quote",
        fee_decimals=None,
        slippage_bps=2,
        market=MARKET,
    )
    positions = []
    with simulator:
        for _ in range(4):
            exchange = CcxtExchange(
                "binance",
                mode="testnet",
                endpoint=simulator.endpoint,
                api_key=simulator.api_key,
                secret=simulator.secret,
                buy_fee="quote",
            )
            with SqliteJournal(path, create=None if path.exists() else header(exchange.mode)) as journal:
                bot = cb.Bot(
                    STRATEGY,
                    exchange=exchange,
                    symbol="BTC/USDT",
                    timeframe="1m",
                    limits=LIMITS,
                    journal=journal,
                    name="again",
                )
                trade_in_step(bot, Part(simulator, 150))
                status = bot.status()
                assert (status.state, status.trading_state) == ("stopped", "active"), status
                positions.append((status.quantity, status.open_orders))
    report = backtest(bars)
    assert traded(JournalView.of(path).fills) == traded(report.fills)
    # The test is worth something only if a position and its pair of orders were taken over.
    assert any(quantity > 0 and orders == 2 for quantity, orders in positions[:-1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_simulated_account_is_given_back(tmp_path, seed):
    bars = cb.practice_bars(1_500, seed=seed)
    report = backtest(bars)
    # Where nothing waits to be executed: an order that waits for the next open is withdrawn at an end.
    decisions = report.decisions.buy | report.decisions.sell
    quiet = [row for row in range(300, 1_400) if not decisions[row]]
    path = tmp_path / "again.sqlite"
    held = []
    for end in (*quiet[:: len(quiet) // 5], len(bars) - 1):
        exchange = cb.ReplayExchange(bars.iloc[: end + 1], fee=0.001, slippage_bps=2, speed=math.inf, market=MARKET)
        with SqliteJournal(path, create=None if path.exists() else header(exchange.mode)) as journal:
            bot = cb.Bot(STRATEGY, exchange=exchange, limits=LIMITS, journal=journal, name="again")
            status = bot.run()
        assert (status.state, status.trading_state) == ("finished", "active"), status.reason
        held.append(status.quantity > 0)
    view = JournalView.of(path)
    assert traded(view.fills) == traded(report.fills)
    assert any(held[:-1])
    assert [seen.bar.time for seen in view.bars] == [int(time.value) for time in bars.index]
