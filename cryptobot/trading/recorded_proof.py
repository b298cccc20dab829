"""Checks and backtests that were recorded of a strategy, for the live gate."""

from __future__ import annotations

from cryptobot.backtest.registry.registry import RunRegistry
from cryptobot.backtest.registry.run import Run
from cryptobot.backtest.words import percent
from cryptobot.core.settings import Settings
from cryptobot.core.text import count
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.digest import strategy_digest


def recorded_proof(
    registry: RunRegistry, kind: str, strategy: Strategy, *, symbol: str, timeframe: str
) -> tuple[bool, str]:
    """Say whether a run of this kind is recorded of the same strategy and parameters, and what it says.

    Parameters
    ----------
    registry
        Where to look.
    kind
        ``"check"``, of which the newest must have passed, or ``"backtest"``, which must be of the market and interval.
    strategy
        With its parameters.
    symbol, timeframe
        The market and the interval.

    Returns
    -------
    tuple of bool and str
        Whether it is there, and what was found or what to do.

    Raises
    ------
    OSError, sqlite3.Error
        If the runs cannot be read.
    """
    code = strategy_digest(type(strategy))
    known = registry.find(kind=kind, strategy=strategy.name)
    markets = kind == "backtest"
    differences = [(_differences(run, strategy, code, (symbol, timeframe) if markets else None), run) for run in known]
    same = next((run for found, run in differences if not found), None)
    if same is None:
        return False, _missing(kind, strategy, symbol, timeframe, differences)
    if kind == "check":
        if not same.results.get("passed"):
            failures = same.results.get("failures") or ["it says not why"]
            return (
                False,
                f"the newest check (run {same.id}) failed: {failures[0]}. Mend the strategy, and check it again.",
            )
        return True, f"passed on {count(same.bars, 'bar')} (run {same.id})"
    total, trades = same.results.get("total_return"), same.results.get("trades")
    figures = (
        f"{percent(total, sign=True)} in {count(trades, 'trade')}"
        if isinstance(total, float) and trades
        else "no trade"
    )
    return True, f"{figures} on {count(same.bars, 'bar')} (run {same.id})"


def _differences(run: Run, strategy: Strategy, code: str, market: tuple[str, str] | None) -> list[str]:
    """Say in what a run is of something else."""
    found = [] if run.code == code else ["the code is another, or another version of Python ran it"]
    if dict(run.parameters) != strategy.params:
        params = {**dict.fromkeys(run.parameters), **strategy.params}
        other = [
            f"{name} was {run.parameters.get(name)!r}, not {strategy.params.get(name)!r}"
            for name in params
            if run.parameters.get(name) != strategy.params.get(name)
        ]
        found.append(", ".join(other))
    if market is not None:
        symbol, timeframe = market
        if run.symbol != symbol:
            found.append(f"the market was {run.symbol!r}" if run.symbol else "it names no market (give market=)")
        if run.timeframe != timeframe:
            found.append(f"the interval was {run.timeframe}")
    return found


def _missing(
    kind: str, strategy: Strategy, symbol: str, timeframe: str, differences: list[tuple[list[str], Run]]
) -> str:
    what = "passed check" if kind == "check" else f"backtest on {symbol} {timeframe}"
    do = (
        "Run cb.check_strategy(strategy, bars)."
        if kind == "check"
        else f"Run cb.backtest(strategy, bars, market=cb.Market({symbol!r}, ...)) on {timeframe} bars of it."
    )
    if not Settings.load().record_runs:
        do += " Nothing is recorded at present: CRYPTOBOT_RECORD_RUNS is false."
    if not differences:
        return f"no {what} of {strategy!r} is recorded. {do}"
    wrong, run = min(differences, key=lambda one: len(one[0]))
    return f"no {what} of {strategy!r} is recorded; the closest one is run {run.id}: {'; '.join(wrong)}. {do}"
