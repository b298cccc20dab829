"""What every exchange offers, real or simulated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from cryptobot.core.events import ExchangeEvent
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.orders import Order
from cryptobot.core.quotes import Quote
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar, Fill, Intent, Mode, OcoIntent
from cryptobot.exchange.capabilities import Capabilities
from cryptobot.exchange.rules import MarketRules


class Exchange(Protocol):
    """A venue: closed bars in, orders out, and one ordered stream of what happens.

    All times are nanoseconds since 1970-01-01 UTC. Every method but `connect` and `close` may raise
    `TransientError` (the way to the exchange failed: a reading call may be repeated) and `AuthError` (stop).

    Attributes
    ----------
    name
        For people, for example ``"replay"``.
    mode
        How far it is to be trusted with money.
    symbol, timeframe
        What it offers when the user names none, or None.
    capabilities
        What it can do.
    """

    name: str
    mode: Mode
    symbol: str | None
    timeframe: Timeframe | None

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    async def connect(self) -> None:
        """Make it ready; may be called again after `close`."""

    async def close(self) -> None:
        """Let go of everything that `connect` took."""

    async def now(self) -> int:
        """Return the exchange's own time."""

    async def markets(self) -> Mapping[str, MarketRules]:
        """Return the rules of every market, by symbol."""

    async def market(self, symbol: str) -> Market:
        """Return a market's tick size, lot size and minimum notional.

        Raises
        ------
        ConfigError
            If there is no such market; the message names those closest to it.
        """

    async def rules(self, symbol: str) -> MarketRules:
        """Return all rules of a market, as they are now; raises as `market` does."""

    async def grid(self, symbol: str) -> PriceGrid:
        """Return the decimal grid that the market's prices lie on."""

    async def balances(self) -> Mapping[str, Balance]:
        """Return what the account holds of every currency."""

    async def quote(self, symbol: str) -> Quote:
        """Return the best bid and ask, with the time they were so."""

    async def history(self, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
        """Return up to ``limit`` closed bars before the stream's first, oldest first."""

    def stream(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[ExchangeEvent]:
        """Yield what happens, in order: each closed bar once, and every answer to an order.

        A market order sent at a bar's close is answered before the next bar closes. The iterator ends when the
        market has no more bars.
        """

    async def submit(self, intent: Intent) -> Order | None:
        """Send an order, once; no layer ever sends it again.

        Returns
        -------
        Order or None
            The order as the exchange first knows it; None where that is told by the stream only. What becomes of it,
            its fills included, arrives in the stream in either case.

        Raises
        ------
        OrderRejected
            If it is refused at once: then nothing is traded, and nothing arrives in the stream.
        OrderNotSent
            If it is certain that it never reached the exchange.
        OrderUnknown
            If nobody can say whether it was accepted: to be resolved by evidence, never by sending it again.
        """

    async def submit_oco(self, pair: OcoIntent) -> Sequence[Order]:
        """Send two orders of which one cancels the other; raises as `submit` does."""

    async def cancel(self, symbol: str, client_id: str) -> Order:
        """Cancel an order if it is open, and return what then is known of it, asked for anew.

        An order that has ended already is returned as it ended: who cancels cannot know, and must look.

        Raises
        ------
        OrderNotFound
            If the exchange knows no such order.
        OrderUnknown
            If nobody can say whether it is cancelled.
        """

    async def order(self, symbol: str, client_id: str) -> Order:
        """Return the newest order of this client id; raises `OrderNotFound` if the exchange shows none (yet)."""

    async def open_orders(self, symbol: str) -> list[Order]:
        """Return the open orders of a market, oldest first, whoever sent them."""

    async def fills(self, symbol: str, since: int = 0) -> list[Fill]:
        """Return the account's executions in a market since a time, oldest first.

        ``Fill.intent_id`` is the client id of the order, or ``""`` where the exchange does not tell.
        """


class ForgetfulExchange(Exchange, Protocol):
    """A simulated venue, whose account lives in this process only (``capabilities.keeps_account`` is False)."""

    async def restore(
        self,
        symbol: str,
        balances: Mapping[str, Decimal],
        orders: Sequence[Intent | OcoIntent],
        after: int | None,
    ) -> list[str]:
        """Take over an account and its resting orders from an earlier session, after `connect`.

        Parameters
        ----------
        symbol
            The market.
        balances
            What the account holds, by currency.
        orders
            Those that rested, each with what is left of its quantity.
        after
            Open time of the last bar that was seen, or None: a market that is made of bars goes on after it.

        Returns
        -------
        list of str
            Client ids of orders that would not be taken now, because the price has gone past them.
        """
