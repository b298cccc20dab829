"""Why the last bar did or did not trade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptobot.core.bars import time_text
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
    """

    time: int | None
    close: float | None
    features: dict[str, float]
    buy: bool
    sell: bool
    position: str
    outcome: str
    text: str

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
    text = f"Bar of {time_text(decision.time)} closed at {close:,.10g}. {said} {signal} while {position}: {outcome}."
    return Explanation(decision.time, close, decision.features, decision.buy, decision.sell, position, outcome, text)
