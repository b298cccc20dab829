"""The way out of a position: orders on the exchange that protect it, and the sale that ends it.

A position is sold by one order at a time. Whatever rests on the exchange is cancelled first, and only when the exchange
has said how it ended is the rest sold: so a stop and an exit can never both sell the same coins.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from cryptobot.core.events import OrderRefused
from cryptobot.core.limits import Limits
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.protection import AT_ONCE, protection
from cryptobot.core.risk import RiskGate
from cryptobot.core.text import written
from cryptobot.core.trading_state import TradingState
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.trading.actions import Action, Cancel, Notice, Submit, Topic
from cryptobot.trading.guard import Guard
from cryptobot.trading.telling import protected

_SECOND: Final = 10**9
# An order that was to protect may not have arrived: so long it is tried again before the position is sold instead, so
# that it is protected or flat within ten seconds.
_PATIENCE: Final = 7 * _SECOND
# Between two attempts to sell or to protect; doubled each time.
_FIRST_RETRY: Final = _SECOND
_LONGEST_RETRY: Final = 30 * _SECOND
# What ends one order of a pair may be told before what filled the other: so many looks are let pass.
_SETTLING: Final = 2


class Exits:
    """Protects a position and leaves it.

    Parameters
    ----------
    portfolio
        The bot's books.
    market
        What is traded.
    gate
        The limits, which say what protection is wanted.
    intents
        Takes every decision to sell at the market.
    next_id
        Makes client order ids.
    order_types, oco
        What the market takes.

    Attributes
    ----------
    guard
        The orders that rest on the exchange.
    selling
        The sale at the market that has no answer yet, or None.
    leaving
        Why the position is to be sold, or None.
    killed
        Whether nothing of the bot's may rest on the exchange, until it is cleared.
    """

    def __init__(
        self,
        portfolio: Portfolio,
        market: Market,
        gate: RiskGate,
        intents: list[Intent],
        next_id: Callable[[], str],
        *,
        order_types: frozenset[OrderType],
        oco: bool,
    ) -> None:
        self.guard = Guard()
        self.selling: Intent | None = None
        self.leaving: str | None = None
        self.killed = False
        self._flattening = False
        self._books = portfolio
        self._market = market
        self._gate = gate
        self._limits: Limits = gate.limits
        self._intents = intents
        self._next_id = next_id
        self._order_types = order_types
        self._oco = oco
        self._time = 0  # of the decision to leave
        self._bare_since: int | None = None
        self._looked = 0
        self._leaving_since: int | None = None
        self._told_slow = False
        self._retry_at = 0
        self._retry = _FIRST_RETRY
        self._pause = 0  # looks to let pass: only time helps, so that `settle` does nothing meanwhile
        self._refused = False  # an order that protects would be refused again
        self._hopeless = False  # and so would a sale, until the position changes

    @property
    def busy(self) -> bool:
        """Whether it is on its way out, or an answer about an order that protects is awaited."""
        return self.leaving is not None or self.guard.busy

    @property
    def protected(self) -> bool | None:
        """Whether the position is covered; None without one, or where no protection is wanted."""
        if self._books.is_flat or not self._wants_protection:
            return None
        return bool(self.guard.legs) and not self.guard.busy

    @property
    def _wants_protection(self) -> bool:
        return self._limits.stop_loss is not None or self._limits.take_profit is not None

    def restore(self, intent: Intent, filled: Decimal) -> None:
        """Take over a sell order of an earlier session."""
        if intent.type is OrderType.MARKET:
            self.selling, self.leaving = intent, intent.reason or "an earlier session was selling"
            self._time = intent.time
        else:
            self.guard.restore([(intent, filled)])

    # -- leaving

    def leave(self, time: int, reason: str) -> list[Action]:
        """Sell the position at the market, once nothing else can sell it any more."""
        if self._books.is_flat and not self.guard.legs:
            return []
        if self.leaving is None:
            self.leaving, self._time = reason, time
            self._retry, self._retry_at, self._pause = _FIRST_RETRY, 0, 0
            self._refused = self._hopeless = False
        return self._go_on_leaving()

    def _go_on_leaving(self) -> list[Action]:
        if self.leaving is None or self.selling is not None:
            return []
        if self.guard.legs:
            if self.guard.cancelling:
                return []
            self.guard.cancelling = True
            return [Cancel(self.guard.ids)]
        quantity = self._books.quantity
        if quantity <= 0:
            self.leaving = None
            return []
        sale = Intent(
            self._next_id(), self._time, self._market.symbol, Side.SELL, quantity=quantity, reason=self.leaving
        )
        self.selling = sale
        self._intents.append(sale)
        return [Submit(sale)]

    def kill(self, now: int, entering: Intent | None, *, flatten: bool) -> list[Action]:
        """Cancel everything, and sell if that is wanted."""
        self.killed = True
        self._flattening = flatten
        actions: list[Action] = []
        if entering is not None:
            actions.append(Cancel((entering.id,)))
        if flatten:
            return actions + self.leave(now, "killed")
        if self.selling is None:
            self.leaving = None
        if self.guard.legs:
            self.guard.cancelling = True
            actions.append(Cancel(self.guard.ids))
        return actions

    def killed_before(self, *, flatten: bool) -> None:
        """Go on with what a kill in an earlier session wanted."""
        self.killed, self._flattening = True, flatten

    # -- answers of the exchange

    def on_fill(self, fill: Fill, *, complete: bool) -> tuple[Topic, str]:
        """Take note of an execution that is in the books already; return what it was, and why."""
        guard = self.guard
        self._bare_since, self._refused, self._hopeless = None, False, False
        self._retry_at, self._retry, self._pause = (
            0,
            _FIRST_RETRY,
            0,
        )  # something moves: nothing is held back any longer
        if fill.intent_id in guard:
            leg = guard.intent(fill.intent_id)
            guard.filled(fill.intent_id, fill.quantity, complete=complete)
            return ("stop_loss" if leg.type.has_stop else "take_profit"), leg.reason
        if self.selling is not None and self.selling.id == fill.intent_id:
            why = self.selling.reason
            if complete:
                self._sold()
            return "exit", why
        return ("entry" if fill.side is Side.BUY else "exit"), ""

    def on_change(self, order: Order) -> list[Action]:
        """Take note of what the exchange says of a sell order."""
        guard = self.guard
        if order.client_id in guard:
            awaited = guard.accepted(order.client_id)
            if order.client_id not in guard.legs:
                return []
            if order.is_open:
                if guard.cancelling:  # the cancel was not heard: once more, in a moment
                    guard.cancelling, self._pause = False, 1
                    return []
                return [protected(guard.legs.values(), self._market)] if awaited and not guard.busy else []
            wanted = guard.cancelling
            guard.ended(order.client_id)
            if wanted or order.status is OrderStatus.FILLED or guard.partly_filled:
                return []
            # Perhaps the other one of the pair has been filled and nobody has said so yet: `attend` looks again.
            self._pause = _SETTLING
            return []
        sale = self.selling
        if sale is None or sale.id != order.client_id or order.is_open:
            return []
        self._sold()
        return []

    def _sold(self) -> None:
        """Take note that a sale is over; the market may have taken a part of it only, and the rest is sold in a moment."""
        self.selling = None
        if self._books.is_flat:
            self.leaving = None
        else:
            self._pause = 1

    def on_refusal(self, event: OrderRefused) -> list[Action]:
        """Go on after an order to sell was refused, or never arrived."""
        guard = self.guard
        if event.intent_id in guard:
            if event.intent_id not in guard.legs:
                return []  # the other one of a pair, which was refused as a whole
            for client_id in guard.ids:
                guard.ended(client_id)
            if self.leaving is not None:
                return []
            if not event.certain_to_fail:
                self._pause = 1
                return [self._bare("could not be placed", event.reason)]
            self._refused = True
            reached = event.rule in AT_ONCE
            self.leaving = "the stop price is reached already" if reached else "the position cannot be protected"
            self._time = event.time
            return [] if reached else [self._bare("was refused", event.reason)]
        if self.selling is not None and self.selling.id == event.intent_id:
            self.selling = None
            if event.certain_to_fail:
                self.leaving, self._hopeless = None, self._refused
            else:
                self._pause = 1
        return []

    def settle(self, time: int, *, entering: bool) -> list[Action]:
        """Bring everything in step with the position, after something was told.

        Parameters
        ----------
        time
            Of what was told, nanoseconds since 1970-01-01 UTC.
        entering
            Whether an entry may still make the position larger.
        """
        if self._pause or self._retry_at:
            return []
        if self.leaving is not None:
            return self._go_on_leaving()
        return [] if entering else self._protect(time)

    @property
    def _lacks_protection(self) -> bool:
        """Whether orders that protect the position are wanted, and are not there as they must be."""
        if not self._wants_protection or self._hopeless or self._gate.state is TradingState.HALTED:
            return False
        quantity = self._market.round_quantity(self._books.quantity)
        legs = (self._limits.stop_loss is not None) + (self._limits.take_profit is not None)
        return quantity > 0 and not self.guard.covers(quantity, legs)

    def _protect(self, time: int) -> list[Action]:
        guard, books = self.guard, self._books
        if guard.busy or books.entry_price is None or not self._lacks_protection:
            return []
        if guard.legs:  # for another quantity: resized
            guard.cancelling = True
            return [Cancel(guard.ids)]
        wanted = protection(
            books.entry_price,
            books.quantity,
            time,
            self._limits,
            self._market,
            (self._next_id(), self._next_id(), self._next_id()),
            order_types=self._order_types,
            oco=self._oco,
        )
        if wanted is None:
            return []
        guard.place(wanted)
        return [Submit(wanted)]

    # -- time

    @property
    def calm(self) -> bool:
        """Whether `attend` has nothing to do."""
        waits = self._pause or self._retry_at or self._retry != _FIRST_RETRY or self._bare_since is not None
        if waits or self.leaving is not None or self.killed:
            return False
        return not (self.guard.legs if self._books.is_flat else self._lacks_protection)

    def attend(self, now: int, *, entering: bool) -> list[Action]:
        """Do what time demands; see `Engine.attend`."""
        self._follow_clock(now)
        self._pause, paused = max(0, self._pause - 1), self._pause > 0
        if paused or self._retry_at > now or self.guard.busy or self.selling is not None:
            return []
        if self.killed and self._flattening and self.leaving is None and not self._books.is_flat:
            self.leaving, self._time = "killed", now  # an entry that was on its way has been filled since
        if self.leaving is not None:
            self._back_off(now)
            return self._go_on_leaving()
        if (self._books.is_flat or self.killed) and self.guard.legs:  # nothing is left for it to sell, or it may not
            self.guard.cancelling = True
            self._back_off(now)
            return [Cancel(self.guard.ids)]
        if not self._lacks_protection:
            self._retry_at, self._retry, self._bare_since = 0, _FIRST_RETRY, None
            return []
        if self._bare_since is None:
            self._bare_since = now
        if now - self._bare_since >= _PATIENCE and not entering and not self.guard.legs:
            self.leaving, self._time, self._retry_at = "the position could not be protected", now, 0
            within = f"within {_PATIENCE // _SECOND} s"
            text = f"The position is sold, because no order that protects it could be placed {within}."
            return [Notice("error", text, "unprotected"), *self._go_on_leaving()]
        self._back_off(now)
        return self._protect(now)

    def _follow_clock(self, now: int) -> None:
        """Take note of the time; if the clock was set back, nothing waits for longer because of that."""
        back = min(0, now - self._looked)
        self._looked = now
        if back:
            self._retry_at += back if self._retry_at else 0
            self._bare_since = None if self._bare_since is None else self._bare_since + back
            self._leaving_since = None if self._leaving_since is None else self._leaving_since + back

    def watch(self, now: int) -> list[Notice]:
        """Take note of the time; tell once that a position is neither sold nor protected for longer than it may be."""
        self._follow_clock(now)
        if self.leaving is None or not self._wants_protection:
            self._leaving_since, self._told_slow = None, False
        elif self._leaving_since is None:
            self._leaving_since = now
        elif not self._told_slow and now - self._leaving_since >= _PATIENCE:
            self._told_slow = True
            return [self._bare("is gone, and selling it takes long", self.leaving)]
        return []

    def _back_off(self, now: int) -> None:
        self._retry_at = now + self._retry
        self._retry = min(2 * self._retry, _LONGEST_RETRY)

    def _bare(self, what: str, reason: str) -> Notice:
        held = f"{written(self._books.quantity, 8)} {self._market.base}"
        return Notice(
            "error",
            f"Unprotected position: the order that was to protect {held} {what} ({reason}).",
            "unprotected",
            {"market": self._market.symbol, "quantity": held, "why": reason},
        )
