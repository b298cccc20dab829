"""Client order ids: made once an intent, by one session only, and known again as a bot's own.

Kraken allows 18 characters in all: five that say whose it is, six for the time at which the session began, to a tenth
of a second (which come again after seven years), and what is left for a hyphen and a number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG, _SESSION = 5, 6


def _base36(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text


def owner_tag(bot: str) -> str:
    """Return what every client id of a bot begins with: the first of its letters, and a digest of its name."""
    letters = "".join(each for each in bot.lower() if each.isascii() and each.isalnum())[:2].ljust(2, "x")
    digest = int.from_bytes(hashlib.sha256(bot.encode()).digest()[:8], "big")
    return letters + _base36(digest, _TAG - len(letters))


class ClientIds:
    """Makes a session's client ids.

    Parameters
    ----------
    bot
        Name of the bot.
    time
        When the session begins, nanoseconds since 1970-01-01 UTC.
    taken
        Ids that were used already: of a session that began at the same tenth of a second, none is made again.

    Examples
    --------
    >>> ids = ClientIds("crossover-btcusdt", 1_700_000_000_000_000_000)
    >>> len(ids.next()) <= 18, ids.owns(ids.next()), ids.owns("web_123")
    (True, True, False)
    """

    def __init__(self, bot: str, time: int, taken: Iterable[str] = ()) -> None:
        self.tag = owner_tag(bot)
        used = {client_id[: _TAG + _SESSION] for client_id in taken}
        tenths = time // 10**8
        while (prefix := self.tag + _base36(tenths, _SESSION)) in used:
            tenths += 1
        self.prefix = prefix
        self._made = 0

    def next(self) -> str:
        """Return a client id that was never returned before."""
        self._made += 1
        return f"{self.prefix}-{self._made}"

    def beyond(self, known: Iterable[str], many: int) -> list[str]:
        """Return the ids that the newest earlier session would have made after those that are known.

        Examples
        --------
        >>> old, new = ClientIds("crossover", 1_700_000_000 * 10**9), ClientIds("crossover", 1_700_000_100 * 10**9)
        >>> new.beyond([old.next(), old.next()], 2) == [old.next(), old.next()]
        True
        """
        own = [client_id.partition("-") for client_id in known if self.owns(client_id)]
        newest = max((head for head, _, _ in own if head != self.prefix), default=None)
        last = max((int(number) for head, _, number in own if head == newest), default=0)
        return [] if newest is None else [f"{newest}-{last + step}" for step in range(1, many + 1)]

    def owns(self, client_id: str) -> bool:
        """Whether an id was made by this bot, in this session or in another."""
        head, hyphen, number = client_id.partition("-")
        return (
            len(head) == _TAG + _SESSION
            and head.startswith(self.tag)
            and hyphen == "-"
            and number.isascii()
            and number.isdigit()
        )
