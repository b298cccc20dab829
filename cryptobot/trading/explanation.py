"""Why the last bar did or did not trade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cryptobot.core.bars import time_text
from cryptobot.core.text import written
from cryptobot.strategy.decision import Decision

_SIGNALS: Final = {
    (False, False): "There is no signal",
    (True, False): "There is a buy signal",
    (False, True): "There is a sell signal",
    (True, True): "There are a buy and a sell signal",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a bar did or did not trade.

    Attributes
    ----------
    time
        Open time of the bar, nanoseconds since 1970-01-01 UTC, or None before the first bar.
    close
        Its close, in the quote currency.
    features
        Value of every feature, NaN while undefined.
    buy, sell
        Whether each condition held.
    position
        ``"long"`` or ``"flat"`` when the bar closed.
    outcome
        What came of it, in words.
    text
        All of it as a paragraph.
    mode
        Where its orders went.
    trading_state
        What might be traded then, and why: ``"active"``, ``"reducing: …"`` or ``"halted: …"``; empty where that is not
        known.
    limits
        Those that were set, by name, as texts.
    """

    time: int | None
    close: float | None
    features: dict[str, float]
    buy: bool
    sell: bool
    position: str
    outcome: str
    text: str
    mode: str = ""
    trading_state: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


def nothing_yet(why: str) -> Explanation:
    """Return the explanation before the first bar."""
    return Explanation(None, None, {}, False, False, "flat", why, why)


def explain(decision: Decision, close: float, said: str, position: str, outcome: str) -> Explanation:
    """Put a decision into words.

    Parameters
    ----------
    decision
        What the strategy said.
    close
        The bar's close.
    said
        The strategy's own account of it.
    position
        ``"long"`` or ``"flat"``.
    outcome
        What came of it, in words.
    """
    signal = _SIGNALS[decision.buy, decision.sell]
    text = f"Bar of {time_text(decision.time)} closed at {written(close)}. {said} {signal} while {position}: {outcome}."
    return Explanation(decision.time, close, decision.features, decision.buy, decision.sell, position, outcome, text)


def under_terms(said: Explanation, mode: str, trading_state: str, why: str, limits: Mapping[str, str]) -> Explanation:
    """Add under which terms a bot traded.

    Parameters
    ----------
    said
        Why the bar did or did not trade.
    mode
        Where its orders went.
    trading_state, why
        What might be traded, and why.
    limits
        Those that were set, by name, as texts.
    """
    allowed = _ALLOWED.get(trading_state, "") + (f" ({why})" if why else "")
    listed = ", ".join(f"{name} {value}" for name, value in limits.items()) or "none"
    state = f"{trading_state}: {why}" if why else trading_state
    text = f"{said.text} Mode {mode}; {f'{allowed}; ' if allowed else ''}limits: {listed}."
    return replace(said, text=text, mode=mode, trading_state=state, limits=dict(limits))


_ALLOWED: Final = {
    "active": "trading allowed",
    "reducing": "only reducing allowed",
    "halted": "trading halted",
}
