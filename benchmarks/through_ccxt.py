"""A month of minutes through ccxt and the simulator: the bot, signed requests, streams and answers, bar by bar."""

from __future__ import annotations

import cryptobot as cb
from benchmarks.figure import Figure, seconds
from cryptobot.control.lockstep import trade_in_step

BARS = 30 * 1_440
LIMIT = 180.0


def measure(rounds: int) -> list[Figure]:  # noqa: ARG001 - every part is called alike
    """Measure one run, whatever the rounds: it takes minutes, and must agree with the backtest."""
    bars = cb.practice_bars(n=BARS, seed=7)
    simulator = cb.Simulator(
        bars, history=0, speed="manual", fee_asset="quote", fee_decimals=None, balances={"USDT": 10_000}
    )
    with simulator:
        exchange = cb.CcxtExchange(
            "binance",
            mode="testnet",
            endpoint=simulator.endpoint,
            api_key=simulator.api_key,
            secret=simulator.secret,
            buy_fee="quote",
        )
        bot = cb.Bot(
            cb.MovingAverageCrossover(60, 240),
            exchange=exchange,
            symbol=simulator.symbol,
            timeframe=simulator.timeframe,
        )
        took = seconds(lambda: trade_in_step(bot, simulator))
    status = bot.status()
    differences = cb.reconcile(bot, fee=0.001).differences
    if status.bars != BARS or differences:
        raise RuntimeError(f"{status.bars} bars were traded, with {differences} differences from the backtest")
    note = f"{BARS:,} bars, {status.trades} trades, {took / BARS * 1_000:.1f} ms a bar, 0 differences; one run"
    return [Figure.of("30 days of minutes through ccxt and the simulator", [took], "s", limit=LIMIT, note=note)]
