"""`check_strategy` as the public API has it: what was proved is recorded, since real money asks for it later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptobot.backtest.registry.recording import record as keep
from cryptobot.core.bars import BarColumns
from cryptobot.strategy import checks

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.strategy.base import Strategy
    from cryptobot.strategy.check_report import CheckReport


def check_strategy(strategy: Strategy, bars: pd.DataFrame | BarColumns, *, record: bool = True) -> CheckReport:
    """Prove that a strategy may be trusted to trade what was tested.

    Works for any strategy, also for a class typed into a notebook's cell. The checks:

    - *runs*: both conditions return one True or False a row;
    - *inputs unchanged*: neither the given bars nor a column is written to;
    - *determinism*: the same bars give the same decisions again;
    - *look-ahead*: no decision depends on a later bar, found even on a single bar anywhere;
    - *parity*: batch and live agree on every bar, decisions and features, bit for bit;
    - *warm-up*: features are undefined before the declared warm-up and defined from then on;
    - *restart*: a snapshot restored through JSON goes on as if nothing had happened;
    - *any start*: a run started later agrees once it has seen `memory` bars (window features).

    Parameters
    ----------
    strategy
        What to check, with the parameters it is to trade with.
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume; more than the warm-up.
    record
        Whether `runs` shows it later; see ``CRYPTOBOT_RECORD_RUNS`` in the settings. A bot trades real money only with
        a strategy whose checks are recorded as passed.

    Returns
    -------
    CheckReport
        ``.ok``, and ``.failures`` naming the check and the first bar that differs.

    Raises
    ------
    ConfigError
        If `strategy` is not a strategy, or the bars do not reach past its warm-up.
    DataError
        If the bars cannot be trusted.
    """
    report = checks.check_strategy(strategy, bars)
    if record:
        keep(
            "check",
            type(strategy),
            BarColumns.of(bars),
            parameters=strategy.params,
            symbol="",
            assumptions={},
            results={
                "passed": report.ok,
                "checks": report.checks,
                "failures": [str(failure) for failure in report.failures],
            },
        )
    return report
