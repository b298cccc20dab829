"""The best prices of a market at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask, and when they were so.

    Attributes
    ----------
    symbol
        Market, for example ``"BTC/USDT"``.
    bid, ask
        Best prices in the quote currency: what a sell and a buy of a little would get.
    bid_quantity, ask_quantity
        How much is offered at them, in the base currency; None where the exchange does not say.
    time
        By the exchange's clock, nanoseconds since 1970-01-01 UTC.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    time: int
    bid_quantity: Decimal | None = None
    ask_quantity: Decimal | None = None

    def age(self, now: int) -> float:
        """Return how old it is, in seconds; ``now`` is nanoseconds by the same clock as ``time``."""
        return max(0, now - self.time) / 1e9
