"""Bars a second: the decisions alone, the whole backtest, and the bot that trades the same bars replayed."""

from __future__ import annotations

import cryptobot as cb
from benchmarks.figure import Figure, alternating, ratio

BARS = 20_000


def measure(rounds: int) -> list[Figure]:
    """Measure the crossover on the practice market, everything compiled before."""
    bars = cb.practice_bars(n=BARS, seed=7)
    strategy = cb.MovingAverageCrossover()

    def replay() -> None:
        bot = cb.Bot(strategy, exchange=cb.ReplayExchange(bars))
        bot.start()
        bot.wait(300)
        status = bot.status()
        if status.state != "finished" or status.bars != BARS:
            raise RuntimeError(f"the replayed bot ended as {status.state} after {status.bars} bars: {status.reason}")

    works = {
        "decisions": lambda: strategy.batch(bars),
        "backtest": lambda: cb.backtest(strategy, bars).stats,
        "replay": replay,
    }
    alternating(works, 1)  # compile and load
    runs = alternating(works, rounds)
    return [
        _figure("decisions of a history", runs["decisions"]),
        _figure("cb.backtest", runs["backtest"], f"{ratio(runs['backtest'], runs['decisions']):.0f} × the decisions"),
        _figure(
            "bot on ReplayExchange", runs["replay"], f"{ratio(runs['replay'], runs['backtest']):.1f} × the backtest"
        ),
    ]


def _figure(name: str, runs: list[float], against: str = "") -> Figure:
    rate = BARS / sorted(runs)[len(runs) // 2]
    note = f"{rate:,.0f} bars a second"
    return Figure.of(name, [run / BARS * 1e6 for run in runs], "µs a bar", ratio=against, note=note)
