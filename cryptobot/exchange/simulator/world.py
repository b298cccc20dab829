"""The simulated exchange without its sockets: market, account, limits and faults, all in one thread and one clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Literal

from cryptobot.core.bars import time_text
from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import decimal_of
from cryptobot.core.orders import Order
from cryptobot.core.types import Balance, Fill
from cryptobot.exchange.matching import MatchingCore
from cryptobot.exchange.rules import MarketRules, MarketStatus
from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.candles import Candle
from cryptobot.exchange.simulator.changes import Changes
from cryptobot.exchange.simulator.desk import Desk
from cryptobot.exchange.simulator.faults import Faults
from cryptobot.exchange.simulator.feed import Feed, Moment
from cryptobot.exchange.simulator.keys import Keys
from cryptobot.exchange.simulator.limits import Limits
from cryptobot.exchange.simulator.pace import Pace

_SEEN: Final = 20_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came in.

    Attributes
    ----------
    method, path
        Of the REST request; ``"WS"`` and the method's name for the WebSocket API.
    params
        Without signature and key.
    status
        HTTP status of the answer; 0 when none was sent.
    """

    method: str
    path: str
    params: Mapping[str, str]
    status: int


@dataclass(frozen=True, slots=True)
class Told:
    """Something that goes out to those who listen.

    Attributes
    ----------
    kind
        ``"user"``: an event of the user stream; ``"price"``, ``"closed"``: the market moved, or a candle closed;
        ``"fault"``: one that the sockets carry out.
    content
        The event; the feed; or the fault.
    candle
        The candle that closed.
    time
        Market's time, nanoseconds since 1970-01-01 UTC.
    """

    kind: Literal["user", "price", "closed", "fault"]
    content: Any
    time: int
    candle: Candle | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The exchange's own truth, at one moment.

    Attributes
    ----------
    orders
        All there ever were, oldest first.
    fills
        All executions, oldest first.
    balances
        By currency.
    """

    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    balances: dict[str, Balance] = field(default_factory=dict)


class World:
    """A spot exchange with one account, pure and synchronous.

    Parameters
    ----------
    feed
        The market's prices.
    core
        Where orders are filled; it knows the market's rules.
    keys
        Of the account.
    clock
        The computer's.
    pace
        The market's clock.
    limits
        Request weight and order counts.
    faults
        What goes wrong.

    Attributes
    ----------
    rights
        What ``/sapi/v1/account/apiRestrictions`` says; may be changed.
    requests
        The newest requests, oldest first.
    after_each
        Called after each thing that happens in the market, so that it can be told before the next one happens.
    """

    def __init__(
        self, feed: Feed, core: MatchingCore, keys: Keys, clock: Clock, pace: Pace, limits: Limits, faults: Faults
    ) -> None:
        self.feed = feed
        self.core = core
        self.keys = keys
        self.clock = clock
        self.pace = pace
        self.limits = limits
        self.faults = faults
        self.rights: dict[str, Any] = {
            "ipRestrict": True,
            "enableReading": True,
            "enableSpotAndMarginTrading": True,
            "enableWithdrawals": False,
            "enableInternalTransfer": False,
            "permitsUniversalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enablePortfolioMarginTrading": False,
        }
        self.requests: deque[Seen] = deque(maxlen=_SEEN)
        self.after_each: Callable[[], None] = _nothing
        self.desk = Desk(core, {feed.symbol: feed.exchange_symbol}, self._tell_user, limits.filled_order, clock)
        self.created = pace.now()
        self.updates = 1
        self._outbox: list[Told] = []
        self._held: list[dict[str, Any]] = []
        self._moments: deque[Moment] = deque()
        self._changes = Changes(self)
        faults.attach(self._changes.apply)
        if feed.price:
            core.set_price(feed.symbol, feed.price, self.created)
        if pace.manual and feed.peek() is not None:
            self._open()

    # -- time

    @property
    def now(self) -> int:
        """The market's time, nanoseconds since 1970-01-01 UTC."""
        return self.pace.now()

    @property
    def server_time(self) -> int:
        """What the exchange's own clock shows, milliseconds: the market's time, and what is wrong with the clock."""
        return self.now // 1_000_000 + round(self._changes.clock_offset * 1000)

    # -- the market

    def step(self) -> int:
        """Close the present candle, open the next and return the market's time.

        Orders that rest are filled on the way through the closing candle; then the price is the next bar's open. After
        the last bar the market is closed, and its clock half an interval further.

        Raises
        ------
        ConfigError
            If the market's clock runs by itself, or there is no bar left.
        """
        if not self.pace.manual:
            raise ConfigError(
                "step: the market's clock runs by itself. Make the simulator with speed='manual' to step."
            )
        if self.feed.finished:
            raise ConfigError(f"step: the bars ended at {time_text(self.now)}. Give the simulator more bars.")
        bar = self.feed.bar
        if bar is not None:
            end = bar.time + self.feed.timeframe.nanoseconds
            self._report(self.core.finish_bar(self.feed.symbol, bar, end), end - 1_000_000)
            self._close(end)
        if self.feed.finished:
            # No candle follows the last one: that it is over shows by the time alone.
            self.pace.move(self.now + self.feed.timeframe.nanoseconds // 2)
        else:
            self._open()
        return self.now

    def play(self) -> float:
        """Let everything happen that is due by the market's clock; return the seconds until the next thing is.

        Returns
        -------
        float
            0 or more; infinity when nothing more will happen, or where the clock is moved by steps.
        """
        if self.pace.manual:
            return float("inf")
        while True:
            time = self._due()
            if time is None:
                return float("inf")
            wait = self.pace.seconds(time - self.now)
            if wait > 0:
                return wait
            self._happen()

    def _due(self) -> int | None:
        if self._moments:
            return self._moments[0].time
        coming = self.feed.peek()
        return None if coming is None else coming.time

    def _happen(self) -> None:
        if not self._moments:
            self._open()
            self._moments.extend(self.feed.moments(self.pace.seconds(self.feed.timeframe.nanoseconds)))
            return
        moment = self._moments.popleft()
        if moment.kind == "close":
            self._close(moment.time)
            return
        self._trade(moment.time, moment.price, moment.quantity)

    def trade(self, price: Decimal, quantity: float) -> None:
        """Let somebody else trade now.

        Raises
        ------
        ConfigError
            If the price is not on the market's tick.
        """
        tick = self.rules.market.tick_size
        if price <= 0 or (tick is not None and price % tick):
            raise ConfigError(f"price: {price} is not allowed. Give a whole multiple of the tick {tick}, above 0.")
        self._trade(self.now, float(price), quantity)

    def _trade(self, time: int, price: float, quantity: float) -> None:
        self.feed.trade(time, price, quantity)
        depth = quantity if quantity > 0 else None
        self._report(self.core.set_price(self.feed.symbol, price, time, depth), time)
        self._moved(time)

    def _open(self) -> None:
        bar = self.feed.open()
        self.pace.move(bar.time)
        self._report(self.core.open_bar(self.feed.symbol, bar), bar.time)
        self._moved(bar.time)

    def _close(self, time: int) -> None:
        self.feed.close()
        self.pace.move(time)
        self._outbox.append(Told("closed", self.feed, time, self.feed.book.base[-1]))
        if self.feed.finished:
            self.set_rules(replace(self.rules, status=MarketStatus.HALTED))
        self.faults.candle_closed()
        self.after_each()

    def _moved(self, time: int) -> None:
        self.updates += 1
        self._outbox.append(Told("price", self.feed, time))
        self.after_each()

    # -- rules

    @property
    def rules(self) -> MarketRules:
        """The market's rules, as they are now."""
        return self.core.rules(self.feed.symbol)

    def set_rules(self, rules: MarketRules) -> None:
        """Change the market's rules."""
        self._report(self.core.set_rules(rules, self.now), self.now)

    def symbol_of(self, name: str) -> str:
        """Return the symbol of a market by Binance's name.

        Raises
        ------
        ApiError
            -1121 if there is none, or it was delisted.
        """
        if name != self.feed.exchange_symbol or self.rules.status is MarketStatus.DELISTED:
            raise ApiError(-1121, "Invalid symbol.")
        return self.feed.symbol

    # -- what goes out

    def take(self) -> list[Told]:
        """Return what is to be told and has not been taken yet, in order."""
        told, self._outbox = self._outbox, []
        return told

    def tell(self, told: Told) -> None:
        """Put something behind what is to be told."""
        self._outbox.append(told)

    def _report(self, events: Any, time: int) -> None:
        self.desk.report(events, time)

    def _tell_user(self, event: dict[str, Any]) -> None:
        fault = self.faults.for_event(event["e"])
        kind = fault.kind if fault is not None else ""
        if kind == "lose_event":
            return
        if kind == "reorder_event":
            self._held.append(event)
            return
        self._outbox.append(Told("user", event, self.now))
        if kind == "duplicate_event":
            self._outbox.append(Told("user", event, self.now))
        held, self._held = self._held, []
        self._outbox.extend(Told("user", late, self.now) for late in held)

    # -- the truth

    @property
    def ledger(self) -> Ledger:
        """Orders, executions and balances, as they are."""
        symbol = self.feed.symbol
        return Ledger(tuple(self.core.orders(symbol)), tuple(self.core.fills(symbol)), self.core.balances)

    def deposit(self, amounts: Mapping[str, Any]) -> None:
        """Move money into the account, or out of it where an amount is below 0."""
        for asset, amount in amounts.items():
            self.core.deposit(asset, decimal_of(amount, asset))
        self.desk.report_balances(self.now)

    def hidden(self, order: Order) -> bool:
        """Whether a fault hides this order from a query."""
        return self.faults.for_query(self.age(order)) is not None

    def age(self, order: Order) -> float:
        """Return for how long the exchange has had an order, seconds of the computer's clock."""
        born = self.desk.born.get(order.exchange_id, 0)
        return (self.clock.now() - born) / 1e9

    def lagging(self, order: Order) -> bool:
        """Whether a fault hides this order from lists, too: one that hides all young orders."""
        return self.faults.lag(self.age(order))

    def repair(self) -> None:
        """End every fault: those that wait, and those that last."""
        self.faults.clear()
        self._changes.end()
        held, self._held = self._held, []
        self._outbox.extend(Told("user", late, self.now) for late in held)


def _nothing() -> None:
    """Wait until somebody takes what is to be told."""
