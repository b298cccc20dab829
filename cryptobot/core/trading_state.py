"""What a bot may still do."""

from __future__ import annotations

from enum import StrEnum


class TradingState(StrEnum):
    """What a bot may do. Cancelling an order is allowed in every state.

    ``ACTIVE``: trade. ``REDUCING``: only make the position smaller. ``HALTED``: send no order at all.
    """

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"
