"""How far a bot may go: limits that shrink or refuse orders, and never enlarge one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import decimal_of
from cryptobot.core.suggest import closest, listed

_COUNTS: Final = ("max_open_orders", "max_orders_per_minute")
_FRACTIONS: Final = ("max_drawdown", "price_collar", "stop_loss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a bot may not exceed, the same in backtest, paper and live; None is no limit.

    Attributes
    ----------
    max_order_value
        The most that one entry may spend, fee included, in the quote currency. A larger one is made smaller.
    max_position_value
        The most that a position may be worth after an entry, in the quote currency. An entry is made smaller.
    max_open_orders
        With so many open orders, protective ones included, no entry is sent.
    max_orders_per_minute
        After so many orders within 60 seconds no entry is sent.
    max_daily_loss
        Once the equity at a bar's close is this much under that at the end of the day before (UTC), the bot only
        reduces until the next day. In the quote currency.
    max_drawdown
        Once the equity at a bar's close is this fraction under its highest, the bot only reduces until a person
        clears it: 0.2 is 20 %.
    max_bar_age
        With a newest bar that closed longer ago than this, no entry is sent. Seconds.
    max_clock_skew
        With a clock further from the exchange's than this, no entry is sent. Seconds.
    price_collar
        No entry is filled at a price further above the last close than this fraction: 0.02 is 2 %. Entries become
        limit orders for the moment, of a quantity that is paid for even at the worst allowed price.
    stop_loss
        A stop rests on the exchange this fraction under the entry's average price: 0.05 is 5 %.
    take_profit
        The position is sold at a price this fraction above the entry's: 0.1 is 10 %.

    Raises
    ------
    ConfigError
        If a limit is unknown, not a number, negative or absurd; the message names it.

    Examples
    --------
    >>> Limits(max_order_value=500, stop_loss=0.05).set_names()
    ['max_order_value', 'stop_loss']
    """

    max_order_value: Decimal | None = None
    max_position_value: Decimal | None = None
    max_open_orders: int | None = None
    max_orders_per_minute: int | None = None
    max_daily_loss: Decimal | None = None
    max_drawdown: Decimal | None = None
    max_bar_age: Decimal | None = None
    max_clock_skew: Decimal | None = None
    price_collar: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None

    if TYPE_CHECKING:  # what is given may be any number; what is kept is exact

        def __init__(
            self,
            *,
            max_order_value: float | str | Decimal | None = None,
            max_position_value: float | str | Decimal | None = None,
            max_open_orders: int | None = None,
            max_orders_per_minute: int | None = None,
            max_daily_loss: float | str | Decimal | None = None,
            max_drawdown: float | str | Decimal | None = None,
            max_bar_age: float | str | Decimal | None = None,
            max_clock_skew: float | str | Decimal | None = None,
            price_collar: float | str | Decimal | None = None,
            stop_loss: float | str | Decimal | None = None,
            take_profit: float | str | Decimal | None = None,
        ) -> None: ...

    def __new__(cls, **named: Any) -> Self:
        """Refuse names that are no limits, with the closest one."""
        for name in named:
            if name not in cls.__dataclass_fields__:
                known = list(cls.__dataclass_fields__)
                raise ConfigError(f"limits: `{name}` is unknown.{closest(name, known)} Known: {listed(known)}.")
        return object.__new__(cls)

    def __post_init__(self) -> None:
        for entry in fields(self):
            given = getattr(self, entry.name)
            if given is None:
                continue
            if entry.name in _COUNTS:
                if isinstance(given, bool) or not isinstance(given, int) or given < 1:
                    raise ConfigError(
                        f"limits: {entry.name} = {given!r} is not allowed. Give a whole number of at least 1."
                    )
                continue
            number = decimal_of(given, f"limits: {entry.name}")
            if entry.name in _FRACTIONS and not 0 < number < 1:
                raise ConfigError(
                    f"limits: {entry.name} = {given} is not allowed. Give a fraction above 0 and below 1, for example "
                    "0.05 for 5 %."
                )
            if number <= 0:
                raise ConfigError(f"limits: {entry.name} = {given} is not allowed. Give a number above 0, or None.")
            object.__setattr__(self, entry.name, number)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make limits of a mapping, such as the table ``[limits]`` of a configuration; raises as the class does."""
        return cls(**values)

    def set_names(self) -> list[str]:
        """Return the names of the limits that are set."""
        return [entry.name for entry in fields(self) if getattr(self, entry.name) is not None]
