"""How numbers are written: units, sensible digits, a sign that is not only a colour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

Number = float | int | Decimal
MINUS = "\N{MINUS SIGN}"
_COINS = ("BTC", "XBT", "ETH", "BNB", "SOL")  # quote currencies whose unit is worth much


def fixed(value: Number, digits: int) -> str:
    """Write a number with thousands separators and a fixed count of decimals.

    Examples
    --------
    >>> fixed(-1234.5, 2)
    '−1,234.50'
    """
    text = f"{abs(value):,.{digits}f}"
    negative = value < 0 and any(character not in "0.," for character in text)
    return MINUS + text if negative else text


def signed(value: Number, digits: int) -> str:
    """Write a change: always with a sign, unless it rounds to zero.

    Examples
    --------
    >>> signed(3, 1), signed(-3, 1), signed(0.01, 1)
    ('+3.0', '−3.0', '0.0')
    """
    text = fixed(value, digits)
    return f"+{text}" if value > 0 and any(character not in "0.," for character in text) else text


def tone_of(value: Number) -> str:
    """Say whether a change is good (``"up"``), bad (``"down"``) or neither."""
    return "up" if value > 0 else "down" if value < 0 else ""


def digits_of(value: float) -> int:
    """Return how many decimals show about six significant digits of a price.

    Examples
    --------
    >>> digits_of(60_000), digits_of(25.0), digits_of(0.00004)
    (2, 4, 8)
    """
    if not math.isfinite(value) or value <= 0 or value >= 1000:
        return 2
    return min(8, 5 - math.floor(math.log10(value)))


def decimals(value: Number, most: int = 8) -> int:
    """Return how many decimals a number has, at least 1 and at most `most`.

    Examples
    --------
    >>> decimals(0.1665), decimals(2)
    (4, 1)
    """
    return max(1, len(f"{value:.{most}f}".rstrip("0").partition(".")[2]))


@dataclass(frozen=True, slots=True)
class Units:
    """How the numbers of one market are written.

    Attributes
    ----------
    base, quote
        The two currencies of the market.
    price_digits
        Decimals of a price.
    """

    base: str
    quote: str
    price_digits: int = 2

    @classmethod
    def of(cls, symbol: str, price: float | None = None) -> Units:
        """Read the two currencies from a symbol and the decimals from a typical price.

        Examples
        --------
        >>> Units.of("BTC/USDT", 60_000.0)
        Units(base='BTC', quote='USDT', price_digits=2)
        """
        base, _, quote = symbol.partition("/")
        return cls(base, quote.partition(":")[0], digits_of(price if price is not None else 1000.0))

    @property
    def money_digits(self) -> int:
        """Decimals of an amount: 2 for a currency like the dollar, 6 for a coin like bitcoin."""
        return 6 if self.quote in _COINS else 2

    def price(self, value: Number) -> str:
        """Write a price."""
        return fixed(value, self.price_digits)

    def money(self, value: Number) -> str:
        """Write an amount of the quote currency, without its name."""
        return fixed(value, self.money_digits)

    def signed_money(self, value: Number) -> str:
        """Write a profit or loss in the quote currency, without its name."""
        return signed(value, self.money_digits)

    def quantity(self, value: Number, digits: int | None = None) -> str:
        """Write an amount of the base currency, without its name.

        Parameters
        ----------
        value
            The amount.
        digits
            Decimals, or None for as many as it has, at most 8.
        """
        return fixed(value, decimals(value) if digits is None else digits)
