"""What a backend tells the server as it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcp_server.models.bot import BotStatus, Mark
from mcp_server.models.market import Bar, Tick


@dataclass(frozen=True, slots=True)
class PriceChanged:
    """A market has a new price."""

    tick: Tick


@dataclass(frozen=True, slots=True)
class BarClosed:
    """A candle has closed."""

    bar: Bar


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A bot stands elsewhere than before."""

    status: BotStatus


@dataclass(frozen=True, slots=True)
class Traded:
    """A bot's order was executed.

    Attributes
    ----------
    bot, mode
        Which bot, and where its orders go.
    symbol
        Of the market.
    mark
        What was done.
    """

    bot: str
    mode: str
    symbol: str
    mark: Mark


Event = PriceChanged | BarClosed | StatusChanged | Traded
Listener = Callable[[Event], None]
"""Called from any thread; returns at once and raises nothing."""

Unsubscribe = Callable[[], None]
"""Ends a subscription; may be called more than once and from any thread."""
