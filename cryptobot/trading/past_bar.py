"""One bar of the past: what was seen at its close, what might be done, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cryptobot.core.bars import COLUMNS
from cryptobot.core.text import written
from cryptobot.core.types import Bar, Fill, Intent, Side
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.conditions import Rows
from cryptobot.strategy.decision import Decision
from cryptobot.trading.explanation import Explanation, explain, under_terms

_BUY, _SELL = "buy signal", "sell signal"


@dataclass(slots=True)
class PastBar:
    """What is known of a bar that closed some time ago.

    Attributes
    ----------
    bar, features
        As the strategy saw them.
    before
        The bar before it and its features, or None where they are not known, or were computed with other parameters.
    long
        Whether a position was held when it closed.
    waiting
        Whether an order was on its way already.
    mode, trading_state, why, limits
        Under which terms it was traded; see `Explanation`.
    intents
        What was decided at its close.
    refused
        Why an order was not sent, or None.
    halted
        Why the bot halted on it, or None.
    answers
        What became of the orders until the next bar closed, in words.
    """

    bar: Bar
    features: Mapping[str, float]
    before: tuple[Bar, Mapping[str, float]] | None
    long: bool = False
    waiting: bool = False
    mode: str = ""
    trading_state: str = "active"
    why: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)
    intents: list[Intent] = field(default_factory=list)
    refused: str | None = None
    halted: str | None = None
    answers: list[str] = field(default_factory=list)

    def explain(self, strategy: Strategy) -> Explanation:
        """Say why it did or did not trade.

        Parameters
        ----------
        strategy
            What decided, with its parameters of then.

        Raises
        ------
        CryptobotError
            If the strategy cannot decide on it: then its code is another than the one that traded.
        """
        now, before = self._decided(strategy)
        if self.intents:  # what was done is known for certain; the strategy's code may have been changed since
            reasons = [intent.reason for intent in self.intents]
            now = now._replace(
                buy=now.buy or any(reason.startswith(_BUY) for reason in reasons),
                sell=now.sell or any(reason.startswith(_SELL) for reason in reasons),
            )
        said = strategy.explain(now, before)
        if self.before is None:
            said += " The bar before it is not known as these parameters saw it, so that crossings cannot be told."
        position = "long" if self.long else "flat"
        told = explain(now, self.bar.close, said, position, self._outcome(now))
        return under_terms(told, self.mode, self.trading_state, self.why, self.limits)

    def _decided(self, strategy: Strategy) -> tuple[Decision, Decision | None]:
        nothing = Bar(0, *[math.nan] * 5), dict.fromkeys(self.features, math.nan)
        earlier, values = self.before or nothing
        columns = {name: np.array([getattr(earlier, name), getattr(self.bar, name)]) for name in COLUMNS}
        columns |= {name: np.array([values[name], value]) for name, value in self.features.items()}
        for column in columns.values():
            column.flags.writeable = False
        buy, sell = strategy.decide(Rows(columns), 2)
        defined = all(map(math.isfinite, self.features.values()))
        now = Decision(self.bar.time, defined and bool(buy[1]), defined and bool(sell[1]), dict(self.features))
        if self.before is None:
            return now, None
        return now, Decision(earlier.time, bool(buy[0]), bool(sell[0]), dict(values))

    def _outcome(self, now: Decision) -> str:
        became = f" ({'; '.join(self.answers)})" if self.answers else ""
        if self.halted is not None:
            return f"the bot halted: {self.halted}"
        for intent in self.intents:
            if intent.reason.startswith((_BUY, _SELL)):
                return f"a {intent.side} order is sent, to be filled at the next bar's open{became}"
        if self.refused is not None:
            return f"nothing is done, because {self.refused}"
        if self.waiting:
            return f"nothing is done, because an order is still on its way{became}"
        if self.long and now.buy:
            return f"nothing is done, because a position is held already{became}"
        if not self.long and now.sell:
            return f"nothing is done, because there is nothing to sell{became}"
        return f"nothing is done{became}"


def filled(fill: Fill, symbol: str) -> str:
    """Say what was executed."""
    base, _, quote = symbol.partition("/")
    did = "bought" if fill.side is Side.BUY else "sold"
    return f"{did} {written(fill.quantity, 8)} {base} at {written(fill.price)} {quote}"
