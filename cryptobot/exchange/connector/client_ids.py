"""Client ids in the form that an exchange allows, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cryptobot.core.errors import ConfigError

_ESCAPED: Final = re.compile(r"_x([0-9a-f]{2,6})_")


@dataclass(frozen=True, slots=True)
class ClientIds:
    """How one exchange wants client ids.

    What is allowed stays as it is. Any other character becomes ``_x2f_`` (its code point), so that the way back is
    certain; an id that is too long is refused before anything is sent, because a shortened one could belong to two.

    Attributes
    ----------
    longest
        How many characters there may be.
    characters
        Allowed ones, as the inside of a regular expression's brackets; must hold letters, digits and ``_``.
    also
        A regular expression of whole ids that are allowed besides, such as UUIDs.

    Examples
    --------
    >>> ids = ClientIds(36)
    >>> ids.encode("BTC/USDT-1")
    'BTC_x2f_USDT-1'
    >>> ids.decode("BTC_x2f_USDT-1")
    'BTC/USDT-1'
    """

    longest: int
    characters: str = "a-zA-Z0-9_-"
    also: str = r"(?!)"

    def encode(self, client_id: str) -> str:
        """Return the id as the exchange gets it.

        Raises
        ------
        ConfigError
            If it is empty or too long.
        """
        if re.fullmatch(self.also, client_id):
            return client_id
        sent = re.sub(rf"[^{self.characters}]|_(?=x)", lambda found: f"_x{ord(found[0]):02x}_", client_id)
        if not client_id or len(sent) > self.longest:
            raise ConfigError(
                f"client id {client_id!r} is not allowed: it comes to {len(sent)} characters, 1 to {self.longest} are "
                "allowed here, and every one outside of letters, digits, '-' and '_' counts five or more. Give the bot "
                "a shorter name. Nothing was sent."
            )
        return sent

    def decode(self, sent: str) -> str:
        """Return the id as its sender made it; one that was not made here comes back as it is."""
        found = _ESCAPED.sub(lambda part: chr(int(part[1], 16)) if int(part[1], 16) < 0x110000 else part[0], sent)
        try:
            return found if found != sent and self.encode(found) == sent else sent
        except ConfigError:
            return sent
