"""The gate that every order passes: limits applied, without a clock, a network or a disk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from cryptobot.core.limits import Limits
from cryptobot.core.money import ONE, ZERO, Market, cut_quantity, exact_money, floor_to
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.text import written
from cryptobot.core.trading_state import TradingState
from cryptobot.core.types import Intent, Side

_DAY: Final = 86_400 * 10**9
_MINUTE: Final = 60 * 10**9


@dataclass(frozen=True, slots=True)
class Situation:
    """What the gate must know about the moment.

    Attributes
    ----------
    time
        Nanoseconds since 1970-01-01 UTC.
    price
        Of the market, in the quote currency.
    quantity
        Of the position, in the base currency.
    open_orders
        How many orders are open.
    bar_age
        Seconds since the newest bar closed.
    clock_skew
        Seconds by which this computer's clock differs from the exchange's, without sign.
    fee
        Fraction that an entry may cost in the quote currency.
    """

    time: int
    price: Decimal
    quantity: Decimal = ZERO
    open_orders: int = 0
    bar_age: float = 0.0
    clock_skew: float = 0.0
    fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that may not be sent.

    Attributes
    ----------
    limit
        The limit or state that forbids it.
    reason
        In words.
    """

    limit: str
    reason: str


class RiskGate:
    """Applies limits; the same object in backtest, paper and live.

    Parameters
    ----------
    limits
        What may not be exceeded.
    market
        For the names of its currencies.

    Attributes
    ----------
    state
        What may still be done.
    reason
        Why, in words; empty while active.
    """

    def __init__(self, limits: Limits, market: Market) -> None:
        self.limits = limits
        self.state = TradingState.ACTIVE
        self.reason = ""
        self._market = market
        self._until_day: int | None = None  # a daily loss ends with its day
        self._day: int | None = None
        self._day_equity = ZERO
        self._last_equity: Decimal | None = None
        self._peak = ZERO
        self._sent: deque[int] = deque()

    @property
    def daily_pnl(self) -> Decimal:
        """What the equity has changed since the end of the day before (UTC), in the quote currency."""
        return ZERO if self._last_equity is None else self._last_equity - self._day_equity

    @property
    @exact_money
    def drawdown(self) -> Decimal:
        """How far the equity is under its highest, as a fraction, 0 or more."""
        return ZERO if self._last_equity is None or not self._peak else ONE - self._last_equity / self._peak

    @exact_money
    def on_bar(self, closed: int, equity: Decimal) -> list[str]:
        """Take note of the equity at a bar's close.

        Parameters
        ----------
        closed
            When it closed, nanoseconds since 1970-01-01 UTC.
        equity
            In the quote currency.

        Returns
        -------
        list of str
            What has changed about what may be done, in words.
        """
        said: list[str] = []
        day = (closed - 1) // _DAY  # a bar that closes at midnight belongs to the day that ends there
        if day != self._day:
            self._day_equity = equity if self._last_equity is None else self._last_equity
            self._day = day
            if self._until_day is not None and day > self._until_day:
                self._until_day = None
                self.state, self.reason = TradingState.ACTIVE, ""
                said.append("A new day (UTC) has begun: the daily loss no longer holds the bot back.")
        self._last_equity = equity
        self._peak = max(self._peak, equity)
        limits, quote = self.limits, self._market.quote
        if self.state is not TradingState.HALTED:
            lost = self._day_equity - equity
            if (
                limits.max_daily_loss is not None
                and lost >= limits.max_daily_loss
                and self.state is TradingState.ACTIVE
            ):
                self._until_day = day
                said.append(
                    self._reduce(
                        f"today's loss of {lost:,.2f} {quote} has reached max_daily_loss "
                        f"({written(limits.max_daily_loss)}); until the next day (UTC) only the position is made smaller"
                    )
                )
            if limits.max_drawdown is not None and self.drawdown >= limits.max_drawdown and not self._by_drawdown:
                self._until_day = None
                said.append(
                    self._reduce(
                        f"the drawdown of {100 * self.drawdown:.2f} % has reached max_drawdown "
                        f"({100 * limits.max_drawdown:g} %); until a person clears it only the position is made smaller"
                    )
                )
        return said

    @property
    def _by_drawdown(self) -> bool:
        return self.state is TradingState.REDUCING and self._until_day is None

    def _reduce(self, reason: str) -> str:
        self.state, self.reason = TradingState.REDUCING, reason
        return reason[0].upper() + reason[1:] + "."

    @property
    def memory(self) -> tuple[int, Decimal, Decimal, Decimal, int | None] | None:
        """What `recall` needs after a restart: day, equity before it, last equity, peak, day that holds back."""
        if self._day is None or self._last_equity is None:
            return None
        return self._day, self._day_equity, self._last_equity, self._peak, self._until_day

    def recall(self, memory: tuple[int, Decimal, Decimal, Decimal, int | None]) -> None:
        """Go on with what was remembered before a restart."""
        self._day, self._day_equity, self._last_equity, self._peak, self._until_day = memory

    def halt(self, reason: str) -> None:
        """Let no order pass until `clear`."""
        self.state, self.reason, self._until_day = TradingState.HALTED, reason, None

    def reduce(self, reason: str) -> None:
        """Let only orders pass that make the position smaller, until `clear`."""
        if self.state is not TradingState.HALTED:
            self.state, self.reason, self._until_day = TradingState.REDUCING, reason, None

    def clear(self) -> None:
        """Trade again: a person has looked at it. The drawdown counts from the present equity on."""
        self.state, self.reason, self._until_day = TradingState.ACTIVE, "", None
        if self._last_equity is not None:
            self._peak = self._day_equity = self._last_equity

    @exact_money
    def check(self, intent: Intent, now: Situation) -> Intent | Refusal:
        """Let an order pass, make it smaller, or refuse it; a sale of the position is never made smaller.

        Parameters
        ----------
        intent
            What is to be sent.
        now
            The moment.
        """
        if self.state is TradingState.HALTED:
            return Refusal("halted", f"the bot is halted: {self.reason}")
        if intent.side is Side.SELL:
            return intent
        if self.state is TradingState.REDUCING:
            return Refusal("reducing", f"the bot only reduces: {self.reason}")
        refused = self._guards(now)
        if refused is not None:
            return refused
        passed = self._shrunk(intent, now)
        if isinstance(passed, Refusal):
            return passed
        return self._unprotectable(passed, now) or self._collared(passed, now)

    def sent(self, time: int) -> None:
        """Take note that an order was sent, for max_orders_per_minute."""
        self._sent.append(time)

    def _guards(self, now: Situation) -> Refusal | None:
        limits = self.limits
        if limits.max_bar_age is not None and not now.bar_age <= float(limits.max_bar_age):
            text = f"the newest bar closed {now.bar_age:,.1f} s ago, more than max_bar_age ({limits.max_bar_age:g} s)"
            return Refusal("max_bar_age", text)
        if limits.max_clock_skew is not None and not now.clock_skew <= float(limits.max_clock_skew):
            text = (
                f"the clock is {now.clock_skew:,.3f} s from the exchange's, more than max_clock_skew "
                f"({limits.max_clock_skew:g} s)"
            )
            return Refusal("max_clock_skew", text)
        if limits.max_open_orders is not None and now.open_orders >= limits.max_open_orders:
            text = f"{now.open_orders} orders are open, and max_open_orders is {limits.max_open_orders}"
            return Refusal("max_open_orders", text)
        if limits.max_orders_per_minute is not None:
            while self._sent and self._sent[0] <= now.time - _MINUTE:
                self._sent.popleft()
            if len(self._sent) >= limits.max_orders_per_minute:
                text = (
                    f"{len(self._sent)} orders were sent within a minute, and max_orders_per_minute is "
                    f"{limits.max_orders_per_minute}"
                )
                return Refusal("max_orders_per_minute", text)
        return None

    def _shrunk(self, intent: Intent, now: Situation) -> Intent | Refusal:
        limits, quote = self.limits, self._market.quote
        room, name = None, ""
        if limits.max_order_value is not None:
            room, name = limits.max_order_value, "max_order_value"
        if limits.max_position_value is not None:
            left = limits.max_position_value - now.quantity * now.price
            if left <= 0:
                worth, most = now.quantity * now.price, written(limits.max_position_value)
                text = f"the position is worth {worth:,.2f} {quote}, max_position_value is {most}"
                return Refusal("max_position_value", text)
            if room is None or left < room:
                room, name = left, "max_position_value"
        if room is None:
            return intent
        if intent.quote_amount is not None:
            if intent.quote_amount <= room:
                return intent
            return replace(intent, quote_amount=room, reason=f"{intent.reason}; made smaller by {name}")
        worst = intent.price if intent.price is not None else now.price
        if intent.quantity is None or worst <= 0 or intent.quantity * worst <= room:
            return intent
        return replace(intent, quantity=room / worst, reason=f"{intent.reason}; made smaller by {name}")

    def _unprotectable(self, intent: Intent, now: Situation) -> Refusal | None:
        """Refuse a position so small that the exchange would not take the order that is to protect it."""
        stop, least = self.limits.stop_loss, self._market.min_notional
        if stop is None or least is None:
            return None
        value = intent.quote_amount
        if value is None:
            value = (intent.quantity or ZERO) * (intent.price if intent.price is not None else now.price)
        kept = value * (ONE - stop)
        if kept > least:
            return None
        text = (
            f"at its stop a position of {written(value, 8)} {self._market.quote} would be worth {written(kept, 8)}, "
            f"and the market takes no order under {written(least, 8)}: it could not be protected"
        )
        return Refusal("stop_loss", text)

    def _collared(self, intent: Intent, now: Situation) -> Intent | Refusal:
        """Make a market buy a limit order for this moment only, so that the exchange itself holds the collar."""
        collar, market = self.limits.price_collar, self._market
        if collar is None or intent.type is not OrderType.MARKET:
            return intent
        worst = now.price * (ONE + collar)
        if market.tick_size is not None:
            worst = floor_to(worst, market.tick_size)
        if worst <= 0:
            return Refusal("price_collar", f"no price within price_collar of {written(now.price)} is a whole tick")
        quantity = intent.quantity
        if quantity is None:
            quantity = cut_quantity((intent.quote_amount or ZERO) / (worst * (ONE + now.fee)))
        return replace(
            intent,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            price=worst,
            quantity=market.round_quantity(quantity),
            quote_amount=None,
        )
