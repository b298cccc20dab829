"""Two orders of which one cancels the other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """What the core knows of a pair of orders (OCO).

    Attributes
    ----------
    id
        The core's own id: ``Order.list_id`` of both orders.
    client_id
        The id that its sender gave it.
    symbol
        Market.
    above, below
        Exchange ids of the two orders.
    time
        When it was taken, nanoseconds since 1970-01-01 UTC.
    """

    id: str
    client_id: str
    symbol: str
    above: str
    below: str
    time: int
