"""Exact money: Decimal arithmetic, and the rules of a market that orders are rounded by."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final, ParamSpec, TypeVar

from cryptobot.core.errors import ConfigError
from cryptobot.core.types import Side

P = ParamSpec("P")
R = TypeVar("R")

# Books are kept with 34 digits; quantities without a lot are cut to 24, so that what is paid for them never exceeds
# what there is by a last digit.
MONEY: Final = Context(prec=34, rounding=ROUND_HALF_EVEN)
_QUANTITY: Final = Context(prec=24, rounding=ROUND_DOWN)
# Quotients are rounded the same way as what follows: one that is rounded up to a whole number would enlarge an order.
_FLOOR: Final = Context(prec=34, rounding=ROUND_FLOOR)
_CEILING: Final = Context(prec=34, rounding=ROUND_CEILING)
ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)


def exact_money(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function with the library's own Decimal context, whatever the caller's is."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with localcontext(MONEY):
            return function(*args, **kwargs)

    return wrapped


def decimal_of(value: float | str | Decimal, name: str = "value") -> Decimal:
    """Turn a number into the Decimal that a person would write for it.

    Parameters
    ----------
    value
        A float becomes its shortest decimal form: 0.1 becomes ``Decimal("0.1")``.
    name
        What to call it in an error.

    Raises
    ------
    ConfigError
        If it is not a finite number.

    Examples
    --------
    >>> decimal_of(0.1)
    Decimal('0.1')
    """
    if type(value).__name__ == "bool":  # numpy's own bool is called that, too
        raise ConfigError(f"{name}: {value!r} is not a number. Give a finite number.")
    try:
        number = Decimal(value) if isinstance(value, str | int | Decimal) else Decimal(repr(float(value)))
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ConfigError(f"{name}: {value!r} is not a number. Give a finite number.") from error
    if not number.is_finite():
        raise ConfigError(f"{name}: {value!r} is not a finite number. Give a finite number.")
    return number


def cut_quantity(quantity: Decimal) -> Decimal:
    """Cut a computed quantity to 24 significant digits, toward zero."""
    return _QUANTITY.plus(quantity)


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round down to a whole multiple of ``step``."""
    return _FLOOR.multiply(_FLOOR.divide(value, step).to_integral_value(ROUND_FLOOR), step)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Round up to a whole multiple of ``step``."""
    return _CEILING.multiply(_CEILING.divide(value, step).to_integral_value(ROUND_CEILING), step)


@dataclass(frozen=True, slots=True)
class Market:
    """A pair on an exchange with the rules its orders must keep.

    Attributes
    ----------
    symbol
        ``"BASE/QUOTE"``, for example ``"BTC/USDT"``.
    tick_size
        Prices are whole multiples of it; None means any price.
    lot_size
        Quantities are whole multiples of it; None means any quantity.
    min_notional
        The least value of an order (price × quantity) in the quote currency; None means no minimum.

    Examples
    --------
    >>> market = Market("BTC/USDT", "0.01", "0.00001", "5")
    >>> market.round_quantity(Decimal("0.1234567"))
    Decimal('0.12345')
    >>> market.round_price(Decimal("100.001"), Side.BUY)
    Decimal('100.01')
    """

    symbol: str
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    min_notional: Decimal | None = None

    def __post_init__(self) -> None:
        base, slash, quote = str(self.symbol).partition("/")
        if not (base and slash and quote):
            raise ConfigError(f"symbol: {self.symbol!r} is not a market. Write BASE/QUOTE, for example 'BTC/USDT'.")
        for name in ("tick_size", "lot_size", "min_notional"):
            value = getattr(self, name)
            if value is None:
                continue
            number = decimal_of(value, name)
            if number <= 0:
                raise ConfigError(f"{name}: {value} is not allowed. Give a number above 0, or None for no such rule.")
            object.__setattr__(self, name, number)

    @property
    def base(self) -> str:
        """The currency that is bought and sold."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The currency that prices are in."""
        return self.symbol.partition("/")[2].partition(":")[0]

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """Round a price to the tick, to the disadvantage of the order: a buy up, a sell down."""
        if self.tick_size is None:
            return price
        return ceil_to(price, self.tick_size) if side is Side.BUY else floor_to(price, self.tick_size)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """Round a quantity down to the lot: never more than was asked for."""
        return quantity if self.lot_size is None else floor_to(quantity, self.lot_size)

    @exact_money
    def refusal(self, price: Decimal, quantity: Decimal) -> str | None:
        """Say why an order of this price and (rounded) quantity breaks the rules, or return None."""
        if quantity <= 0:
            return (
                f"the quantity is under one lot of {self.lot_size} {self.base}" if self.lot_size else "nothing to trade"
            )
        if self.min_notional is not None and price * quantity < self.min_notional:
            return f"its value {price * quantity:.8g} {self.quote} is under the minimum notional {self.min_notional}"
        return None
