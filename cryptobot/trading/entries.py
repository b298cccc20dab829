"""The way into a position: one order at a time, and only as far as the limits allow."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cryptobot.core.errors import ConfigError
from cryptobot.core.events import OrderRefused
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.risk import Refusal, RiskGate, Situation
from cryptobot.core.sizing import Sizing
from cryptobot.core.types import Intent, Side
from cryptobot.trading.actions import Notice


class Entries:
    """Decides what an entry may spend, and whether it may be sent.

    Parameters
    ----------
    portfolio, market, gate, sizing
        As for `Engine`.
    intents, refused
        Take what is sent, and what is not.
    next_id
        Makes client order ids.

    Attributes
    ----------
    waiting
        The entry that has no answer yet, or None.
    """

    def __init__(
        self,
        portfolio: Portfolio,
        market: Market,
        gate: RiskGate,
        sizing: Sizing,
        intents: list[Intent],
        refused: list[OrderRefused],
        next_id: Callable[[], str],
    ) -> None:
        self.waiting: Intent | None = None
        self._books = portfolio
        self._market = market
        self._gate = gate
        self._sizing = sizing
        self._intents = intents
        self._refused = refused
        self._next_id = next_id

    def enter(self, now: Situation, reason: str, held_back: Refusal | None) -> Intent | Refusal:
        """Make an entry, or say why not.

        Parameters
        ----------
        now
            The moment.
        reason
            For the journal.
        held_back
            Why nothing may be bought just now, or None.

        Raises
        ------
        ConfigError
            If the sizing wants to spend more than there is.
        """
        symbol = self._market.symbol
        wanted = Intent(self._next_id(), now.time, symbol, Side.BUY, quote_amount=self._spending(), reason=reason)
        passed = held_back if held_back is not None else self._gate.check(wanted, now)
        if isinstance(passed, Refusal):
            self._refused.append(OrderRefused(wanted.id, wanted.time, passed.reason, passed.limit))
            return passed
        self._gate.sent(now.time)
        self.waiting = passed
        self._intents.append(passed)
        return passed

    def ended(self, client_id: str) -> bool:
        """Take note that an order has ended; return whether it was the entry."""
        mine = self.waiting is not None and self.waiting.id == client_id
        if mine:
            self.waiting = None
        return mine

    def _spending(self) -> Decimal:
        cash = self._books.cash
        amount = decimal_of(self._sizing.quote_amount(cash), "sizing")
        if not 0 <= amount <= cash:
            raise ConfigError(
                f"sizing: {self._sizing!r} wants to spend {amount} of {cash}. Allowed: at least 0 and at most the cash "
                "there is; quote_amount(cash) must keep within it."
            )
        return amount


def not_followed(refusal: Refusal) -> Notice:
    """Tell that a buy signal is not followed."""
    facts = {"limit": refusal.limit, "why": refusal.reason}
    return Notice("warning", f"The buy signal is not followed: {refusal.reason}.", "limit", facts)
