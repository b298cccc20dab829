"""Client order ids: made once an intent, by one session only."""

from __future__ import annotations


def session_prefix(name: str, time: int) -> str:
    """Return what this session's client order ids begin with: no other session's do, on any exchange.

    Kraken allows 18 characters in all: five of the name, six of the time to a tenth of a second (which come again after
    seven years), and what is left for a hyphen and a number.
    """
    short = "".join(character for character in name.lower() if character.isascii() and character.isalnum())[:5]
    tenths, digits = time // 10**8 % 36**6, ""
    for _ in range(6):
        tenths, digit = divmod(tenths, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return short + digits
