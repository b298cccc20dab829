"""The orders that rest on the exchange to protect a position, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from cryptobot.core.money import ZERO, exact_money
from cryptobot.core.types import Intent, OcoIntent


class Guard:
    """A stop-loss, a take-profit, or a pair of both.

    Attributes
    ----------
    legs
        Those that may still be filled, by client id.
    cancelling
        Whether they are being taken away.
    """

    def __init__(self) -> None:
        self.legs: dict[str, Intent] = {}
        self.cancelling = False
        self._placing: set[str] = set()
        self._filled: dict[str, Decimal] = {}
        self._known: dict[str, Intent] = {}

    def __contains__(self, client_id: str) -> bool:
        return client_id in self._known

    def __len__(self) -> int:
        return len(self.legs)

    @property
    def ids(self) -> tuple[str, ...]:
        """Client ids of those that may still be filled."""
        return tuple(self.legs)

    @property
    def busy(self) -> bool:
        """Whether an answer of the exchange is awaited."""
        return self.cancelling or bool(self._placing)

    @property
    def partly_filled(self) -> bool:
        """Whether one of them has been filled in part, so that the other one of a pair ends."""
        return any(self._filled.get(client_id) for client_id in self.legs)

    def place(self, wanted: Intent | OcoIntent) -> None:
        """Take note of what is sent."""
        for leg in [wanted] if isinstance(wanted, Intent) else [wanted.above, wanted.below]:
            self.legs[leg.id] = self._known[leg.id] = leg
            self._placing.add(leg.id)

    def restore(self, legs: Iterable[tuple[Intent, Decimal]]) -> None:
        """Take over orders of an earlier session, with what of each is executed."""
        for leg, filled in legs:
            self.legs[leg.id] = self._known[leg.id] = leg
            self._filled[leg.id] = filled

    def intent(self, client_id: str) -> Intent:
        """Return the order of a client id that was placed here, open or not."""
        return self._known[client_id]

    def accepted(self, client_id: str) -> bool:
        """Take note that the exchange has it; return whether that was awaited."""
        awaited = client_id in self._placing
        self._placing.discard(client_id)
        return awaited

    @exact_money
    def filled(self, client_id: str, quantity: Decimal, *, complete: bool) -> None:
        """Take note of an execution."""
        self._filled[client_id] = self._filled.get(client_id, ZERO) + quantity
        self.accepted(client_id)
        if complete:
            self.ended(client_id)

    def ended(self, client_id: str) -> None:
        """Take note that it has ended, or was refused."""
        self.legs.pop(client_id, None)
        self._placing.discard(client_id)
        self._filled.pop(client_id, None)
        if not self.legs:
            self.cancelling = False

    @exact_money
    def covers(self, quantity: Decimal, legs: int) -> bool:
        """Whether so many orders rest, each for just this quantity."""
        if len(self.legs) != legs:
            return False
        left = ((leg.quantity or ZERO) - self._filled.get(leg.id, ZERO) for leg in self.legs.values())
        return all(one == quantity for one in left)
