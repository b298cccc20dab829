"""What one must know to trade a session's bars again, written down and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.sizing import FixedQuote, FractionOfEquity, Sizing
from cryptobot.core.timeframe import Timeframe
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.digest import strategy_digest
from cryptobot.trading.journal.contents import Terms
from cryptobot.trading.tape import TapeWindow

if TYPE_CHECKING:
    from cryptobot.trading.engine import Engine
    from cryptobot.trading.opening import Plan

_SIZINGS: Final[dict[str, Any]] = {made.__name__: made for made in (FractionOfEquity, FixedQuote)}
_KEPT: Final = (bool, int, float, str, Decimal)


def terms_of(strategy: Strategy, plan: Plan, engine: Engine, *, history: bool = False) -> Terms:
    """Return what is to be journaled, kind ``"terms"``, at a start and when the strategy changes.

    Parameters
    ----------
    strategy
        That trades from here on.
    plan, engine
        Of the bot.
    history
        Whether to keep the bars that the engine has seen so far, as far as they can influence a decision: at a start.
    """
    costs: Any = getattr(plan.exchange, "costs", None)
    return Terms(
        code=strategy_digest(type(strategy)),
        sizing=_written(plan.sizing),
        limits={name: getattr(plan.limits, name) for name in plan.limits.set_names()},
        market=engine.market,
        fee=None if costs is None else costs.fee,
        slippage_bps=None if costs is None else costs.slippage_bps,
        history=_columns(engine.tape.window(None, [], 0), None if _is_primed(strategy) else strategy.memory)
        if history
        else {},
    )


def sizing_of(terms: Terms) -> Sizing:
    """Return the sizing that was written down.

    Raises
    ------
    ConfigError
        If it is not one of the library's own: then only its user can make it again.
    """
    values = dict(terms.sizing)
    kind = values.pop("kind", "")
    if kind not in _SIZINGS:
        raise ConfigError(
            f"sizing: the journal says {kind or 'nothing'!r}, which is not one of the library's own ways to size orders. "
            "Give it: cb.reconcile(journal, sizing=...)."
        )
    made: Sizing = _SIZINGS[kind](**values)
    return made


def limits_of(terms: Terms) -> Limits | None:
    """Return the limits that were written down, or None where there were none."""
    return Limits.of(terms.limits) if terms.limits else None


def history_of(terms: Terms, timeframe: Timeframe) -> BarColumns | None:
    """Return the bars before the start, oldest first, or None where none were written down."""
    if not terms.history or not terms.history["time"]:
        return None
    columns = {name: np.array(terms.history[name], dtype=np.float64) for name in COLUMNS}
    return BarColumns.unchecked(np.array(terms.history["time"], dtype=np.int64), columns, timeframe)


def _written(sizing: Sizing) -> Mapping[str, Any]:
    kind = type(sizing).__name__
    if not is_dataclass(sizing):
        return {"kind": kind}
    values = {entry.name: getattr(sizing, entry.name) for entry in fields(sizing)}
    return {"kind": kind, **{name: value for name, value in values.items() if isinstance(value, _KEPT)}}


def _columns(history: TapeWindow, n: int | None) -> Mapping[str, Any]:
    start = 0 if n is None else max(0, history.time.size - n)
    return {name: getattr(history, name)[start:].tolist() for name in ("time", *COLUMNS)}


def _is_primed(strategy: Strategy) -> bool:
    """Whether a feature's memory never ends, so that it matters with which bar a run began."""
    return any(node.priming for node in _every_node(strategy))


def _every_node(strategy: Strategy) -> list[Any]:
    found: list[Any] = []
    waiting: list[Any] = list(strategy.nodes.values())
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += [source for source in node.sources if hasattr(source, "sources")]
    return found
