"""Small helpers for words: the closest valid name, lists, times."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable

_LISTED = 20


def closest(name: str, options: Iterable[str]) -> str:
    """Say which valid name was probably meant.

    Returns
    -------
    str
        With a leading space, or an empty text when nothing is close.

    Examples
    --------
    >>> closest("BTC/USD", ["BTC/USDT", "ETH/USDT"])
    ' Did you mean `BTC/USDT`?'
    >>> closest("colour", ["fast", "slow"])
    ''
    """
    by_lowered = {option.lower(): option for option in options}
    found = difflib.get_close_matches(name.lower(), by_lowered, n=1, cutoff=0.6)
    return f" Did you mean `{by_lowered[found[0]]}`?" if found else ""


def listed(options: Iterable[str]) -> str:
    """Join names for a message; a long list is cut.

    Examples
    --------
    >>> listed(["a", "b"])
    '`a`, `b`'
    """
    names = list(options)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(f"`{name}`" for name in names[:_LISTED]) + more


def iso(time: int) -> str:
    """Write a time as ISO 8601 in UTC, to the millisecond.

    Parameters
    ----------
    time
        Nanoseconds since 1970-01-01 UTC.

    Examples
    --------
    >>> iso(1_704_067_200_000_000_000)
    '2024-01-01T00:00:00.000Z'
    """
    moment = dt.datetime.fromtimestamp(time // 1_000_000_000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time % 1_000_000_000 // 1_000_000:03d}Z"


def one_line(text: str, most: int = 200) -> str:
    r"""Return text from outside fit for one line of a log: no control characters, not too long.

    Examples
    --------
    >>> one_line("a\nb")
    'a b'
    """
    clean = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return clean if len(clean) <= most else clean[: most - 1] + "…"
