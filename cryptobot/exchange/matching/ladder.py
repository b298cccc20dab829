"""Orders that wait for a price, nearest first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from decimal import Decimal
from typing import TYPE_CHECKING

from cryptobot.core.order_types import OrderType
from cryptobot.core.types import Side

if TYPE_CHECKING:
    from cryptobot.exchange.matching.entry import Entry


class Ladder:
    """Orders of one kind in price-time order.

    Parameters
    ----------
    side
        Of its orders; buys watch the ask, sells the bid.
    rising
        Whether they wait for the price to rise to theirs; otherwise for it to fall.
    """

    __slots__ = ("_steps", "rising", "side")

    def __init__(self, side: Side, *, rising: bool) -> None:
        self.side = side
        self.rising = rising
        self._steps: list[tuple[Decimal, int, Entry]] = []  # prices negated where it waits for a fall: nearest first

    def __len__(self) -> int:
        return len(self._steps)

    def _key(self, price: Decimal) -> Decimal:
        return price if self.rising else price.copy_negate()  # exact, whatever the context

    def add(self, entry: Entry) -> None:
        """Put an order in, at its level."""
        insort(self._steps, (self._key(entry.level), entry.turn, entry), key=_place)

    def remove(self, entry: Entry) -> None:
        """Take an order out that is in."""
        del self._steps[bisect_left(self._steps, (self._key(entry.level), entry.turn), key=_place)]

    def reached(self, price: Decimal) -> list[Entry]:
        """Return the orders whose price is reached, in the order in which their turn comes."""
        end = bisect_right(self._steps, self._key(price), key=lambda step: step[0])
        return [step[2] for step in self._steps[:end]]

    def next_beyond(self, price: Decimal) -> Decimal | None:
        """Return the nearest price of an order that is not reached yet at ``price``."""
        at = bisect_right(self._steps, self._key(price), key=lambda step: step[0])
        return self._key(self._steps[at][0]) if at < len(self._steps) else None


def rises(kind: OrderType, side: Side) -> bool:
    """Whether an order of this kind waits for a rise: a sell's limit and profit, a buy's stop-loss."""
    loss = kind in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
    return loss if side is Side.BUY else not loss


def _place(step: tuple[Decimal, int, Entry]) -> tuple[Decimal, int]:
    return step[:2]
