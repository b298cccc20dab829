"""Numbers in sentences, and texts from anywhere made fit to be shown to people."""

from __future__ import annotations

import math
import unicodedata
from decimal import Decimal
from typing import Final

_CUT: Final = "…"


def figure(value: float, digits: int = 8) -> str:
    """Write a number with so many significant digits, the same number of decimals for values alike.

    Parameters
    ----------
    value
        Any number.
    digits
        Significant digits.

    Examples
    --------
    >>> figure(59740.849), figure(59687.388333)
    ('59,740.849', '59,687.388')
    >>> figure(0.000171234, 3), figure(0.0), figure(float("nan"))
    ('0.000171', '0', 'nan')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def written(value: float | Decimal, digits: int = 10) -> str:
    """Write an amount for people: its own digits, no zeros at the end, no exponent.

    Parameters
    ----------
    value
        Any number; a float stands for its shortest decimal form.
    digits
        Significant digits, of which no more are written.

    Examples
    --------
    >>> written(Decimal("100.00000")), written(Decimal("59763.19000")), written(Decimal("1E+3"))
    ('100', '59,763.19', '1,000')
    >>> written(Decimal("0.06693000"), 8), written(0.00001)
    ('0.06693', '0.00001')
    """
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not number.is_finite() or not number:
        return f"{number:f}" if number else "0"
    text = f"{number:,.{max(0, digits - 1 - number.adjusted())}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(many: int, noun: str) -> str:
    """Write how many there are of something.

    Examples
    --------
    >>> count(1, "trade"), count(2_000, "trade")
    ('1 trade', '2,000 trades')
    """
    return f"{many:,} {noun}{'' if many == 1 else 's'}"


def clean(text: object, most: int = 1_000, *, one_line: bool = False) -> str:
    r"""Return a text without control characters, and not longer than is wanted.

    Controls, marks that turn the direction of writing, and halves of characters are left out: they can make a text
    look like another.

    Parameters
    ----------
    text
        Anything; what is not a text is written as one.
    most
        The longest it may be, in characters.
    one_line
        Whether line ends become spaces.

    Examples
    --------
    >>> clean("price\x1b[31m up\u202e")
    'price[31m up'
    >>> clean("abcdef", 4)
    'abc…'
    """
    raw = str(text)[: 4 * most + 100]  # nobody reads on, and a huge text is not worth the work
    kept = (
        raw
        if raw.isprintable()
        else "".join(character for character in raw if character == "\n" or not _unseen(character))
    )
    kept = " ".join(kept.split()) if one_line else kept.strip()
    return kept if len(kept) <= most else kept[: most - 1] + _CUT


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
