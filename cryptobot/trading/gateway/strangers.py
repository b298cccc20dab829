"""Orders and executions in the account that are not the bot's: told once, counted, and left alone."""

from __future__ import annotations

from collections.abc import Callable

from cryptobot.core.money import Market
from cryptobot.core.orders import Order
from cryptobot.core.text import written
from cryptobot.core.types import Fill, Side
from cryptobot.trading.actions import Notice
from cryptobot.trading.client_ids import ClientIds
from cryptobot.trading.gateway.account import Account
from cryptobot.trading.journal import BookedFill
from cryptobot.trading.recorder import Recorder


class Strangers:
    """What others do in the bot's account.

    Parameters
    ----------
    market
        Where.
    ids
        Tells the bot's own client ids.
    account
        Counts their executions, too.
    recorder, tell
        Where they are written down and told.

    Attributes
    ----------
    orphans
        Client ids that are the bot's own, of orders that its journal does not know, in the order in which they came.
    origin
        When the bot's books began: what was executed before is in them, nanoseconds since 1970-01-01 UTC.
    """

    def __init__(
        self, market: Market, ids: ClientIds, account: Account, recorder: Recorder, tell: Callable[[Notice], None]
    ) -> None:
        self.orphans: dict[str, None] = {}
        self.origin = 0
        self._market = market
        self._ids = ids
        self._account = account
        self._recorder = recorder
        self._tell = tell
        self._orders: set[str] = set()
        self._fills: set[str] = set()

    def restore(self, fill: Fill) -> None:
        """Know an execution of an earlier session again."""
        self._fills.add(fill.id)

    def order(self, order: Order) -> None:
        """Take an order that the journal does not know."""
        if self._ids.owns(order.client_id):
            self.orphans[order.client_id] = None
        elif order.is_open and order.exchange_id not in self._orders:
            self._orders.add(order.exchange_id)
            self._recorder.write("order", order, durable=False)
            what = f"{order.side} order {order.client_id or order.exchange_id} on {order.symbol}"
            self._tell(Notice("error", f"An order that is not this bot's, a {what}, is left alone.", "external"))

    def unheard(self, fill: Fill) -> bool:
        """Whether an execution that is not the bot's is neither known nor in the books from the beginning."""
        return fill.id not in self._fills and fill.time >= self.origin

    def fill(self, fill: Fill) -> bool:
        """Take an execution of an order that the journal does not know; return whether the account has changed."""
        if self._ids.owns(fill.intent_id):
            self.orphans[fill.intent_id] = None
            return False
        if not self.unheard(fill):
            return False
        self._fills.add(fill.id)
        self._account.book(fill)
        self._recorder.write("fill", BookedFill(fill, own=False, complete=True))
        did = "bought" if fill.side is Side.BUY else "sold"
        self._tell(
            Notice(
                "error",
                f"Somebody else {did} {written(fill.quantity, 8)} {self._market.base} in this account at "
                f"{written(fill.price)}; it is no part of this bot's books.",
                "external",
            )
        )
        return True
