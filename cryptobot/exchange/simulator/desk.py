"""The trading desk: orders in, and what the account's owner is told of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cryptobot.core.clock import Clock
from cryptobot.core.errors import OrderNotFound
from cryptobot.core.orders import Order
from cryptobot.core.types import Fill, Intent, OcoIntent
from cryptobot.exchange.matching import Accepted, CoreEvent, Ended, EndReason, Executed, MatchingCore, Refused
from cryptobot.exchange.simulator import order_shapes as shapes
from cryptobot.exchange.simulator.answers import NO_SUCH_ORDER, UNKNOWN_ORDER, ApiError, refused
from cryptobot.exchange.simulator.numbers import milliseconds, text
from cryptobot.exchange.simulator.order_shapes import OrderList


class Desk:
    """Orders of the one account.

    Parameters
    ----------
    core
        Where they are filled.
    names
        Binance's name of each market.
    tell
        Called with each event of the user stream, in order.
    filled
        Called for each order that is filled whole.
    clock
        The computer's.

    Attributes
    ----------
    lists
        Pairs of orders, by id.
    born
        When each order came in by the computer's clock, nanoseconds, by exchange id.
    """

    def __init__(
        self,
        core: MatchingCore,
        names: dict[str, str],
        tell: Callable[[dict[str, Any]], None],
        filled: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.core = core
        self.born: dict[str, int] = {}
        self._clock = clock
        self.lists: dict[int, OrderList] = {}
        self._names = names
        self._tell = tell
        self._filled = filled
        self._reports = 0
        self._cancels = 0
        self._told: dict[str, tuple[Any, Any]] = {asset: _both(held) for asset, held in core.balances.items()}

    def place(self, intent: Intent, time: int) -> tuple[Order, list[Fill]]:
        """Take an order.

        Returns
        -------
        tuple
            The order after everything that happened at once, and its executions.

        Raises
        ------
        ApiError
            As the exchange words the core's refusal.
        """
        try:
            events = self.core.submit(intent, time, fee_on_top=True)
        except Refused as error:
            raise refused(error.rule) from error
        self.report(events, time)
        mine = events[0].order.exchange_id
        fills = [event.fill for event in events if isinstance(event, Executed) and event.order.exchange_id == mine]
        return self.core.order(intent.symbol, exchange_id=mine), fills

    def place_pair(self, pair: OcoIntent, time: int) -> OrderList:
        """Take a pair of orders; raises as `place` does."""
        symbol = pair.above.symbol
        if any(entry.client_id == pair.id and not entry.done for entry in self.lists.values()):
            raise refused("DUPLICATE")
        try:
            events = self.core.submit_oco(pair, time)
        except Refused as error:
            raise refused(error.rule) from error
        known = self.core.pairs(symbol)[-1]
        made = OrderList(
            int(known.id),
            pair.id,
            self._names[symbol],
            ((known.above, pair.above.id), (known.below, pair.below.id)),
            time,
        )
        self.lists[made.id] = made
        self._tell(shapes.list_status(made, milliseconds(time)))
        self.report(events, time)
        return made

    def cancel(self, order: Order, time: int, cancel_id: str) -> Order:
        """Cancel an open order, and the other one of its pair.

        Parameters
        ----------
        order
            Which.
        time
            Nanoseconds since 1970-01-01 UTC.
        cancel_id
            Client id of the cancel; ``""`` makes one.

        Raises
        ------
        ApiError
            -2011 if it is not open.
        """
        try:
            events = self.core.cancel(order.symbol, time, exchange_id=order.exchange_id)
        except OrderNotFound as error:
            raise ApiError(*UNKNOWN_ORDER) from error
        self.report(events, time, cancel_id or self.cancel_id())
        return self.core.order(order.symbol, exchange_id=order.exchange_id)

    def cancel_id(self) -> str:
        """Make a client id for a cancel that brings none."""
        self._cancels += 1
        return f"sim-cancel-{self._cancels}"

    def find(self, symbol: str, order_id: int | None, client_id: str | None, *, cancelling: bool = False) -> Order:
        """Return an order by the exchange's id or by the newest of a client id.

        Raises
        ------
        ApiError
            -2013 if there is none, or -2011 when it was to be cancelled.
        """
        try:
            if order_id is not None:
                order = self.core.order(symbol, exchange_id=str(order_id))
                if client_id not in (None, order.client_id):
                    raise ApiError(-2039, "Client order ID is not correct for this order ID.")
                return order
            return self.core.order(symbol, client_id=client_id)
        except OrderNotFound as error:
            raise ApiError(*(UNKNOWN_ORDER if cancelling else NO_SUCH_ORDER)) from error

    def working(self, order: Order) -> int | None:
        """Return since when an order is in the book, or None."""
        return self.core.working_since(order.symbol, order.exchange_id)

    def report(self, events: Sequence[CoreEvent], time: int, cancel_id: str = "") -> None:
        """Tell the account's owner what happened: each order's event, then the balances, then pairs that are done.

        Parameters
        ----------
        events
            By the core, in order.
        time
            Nanoseconds since 1970-01-01 UTC.
        cancel_id
            Client id of the cancel that made them happen.
        """
        if not events:
            return
        now = milliseconds(time)
        for event in events:
            order = event.order
            self._reports += 1
            self.born.setdefault(order.exchange_id, self._clock.now())
            by_cancel = isinstance(event, Ended) and event.reason is EndReason.CANCELLED
            self._tell(
                shapes.execution_report(
                    order,
                    self._names[order.symbol],
                    self.core.rules(order.symbol),
                    time=now,
                    number=self._reports,
                    working=order.created
                    if isinstance(event, Accepted) and not order.type.has_stop
                    else self.working(order),
                    executed=event if isinstance(event, Executed) else None,
                    ended=event if isinstance(event, Ended) else None,
                    cancel_id=cancel_id if by_cancel else "",
                )
            )
            if isinstance(event, Executed) and not order.is_open:
                self._filled()
        self.report_balances(time)
        self._end_lists({event.order.list_id for event in events} - {None}, time)

    def report_balances(self, time: int) -> None:
        """Tell which balances have changed since they were last told."""
        present = {asset: _both(held) for asset, held in self.core.balances.items()}
        changed = {asset: held for asset, held in present.items() if self._told.get(asset) != held}
        if not changed:
            return
        self._told = present
        now = milliseconds(time)
        self._tell(
            {
                "e": "outboundAccountPosition",
                "E": now,
                "u": now,
                "B": [{"a": asset, "f": text(free), "l": text(locked)} for asset, (free, locked) in changed.items()],
            }
        )

    def _end_lists(self, touched: set[str | None], time: int) -> None:
        for name in touched:
            entry = self.lists.get(int(name or -1))
            if entry is None or entry.done:
                continue
            symbol = next(symbol for symbol, name in self._names.items() if name == entry.symbol)
            if any(self.core.order(symbol, exchange_id=order).is_open for order, _ in entry.orders):
                continue
            entry.done, entry.time = True, time
            self._tell(shapes.list_status(entry, milliseconds(time)))


def _both(held: Any) -> tuple[Any, Any]:
    return held.free, held.locked
