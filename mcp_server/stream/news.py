"""Events as messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from mcp_server.events import BarClosed, Event, PriceChanged, StatusChanged, Traded
from mcp_server.models.base import Answer

KINDS = ("price", "bar", "status", "trade")


def kind_of(event: Event) -> str:
    """Return the word for an event."""
    if isinstance(event, PriceChanged):
        return "price"
    if isinstance(event, BarClosed):
        return "bar"
    if isinstance(event, StatusChanged):
        return "status"
    return "trade"


def symbol_of(event: Event) -> str:
    """Return the market that an event is about."""
    if isinstance(event, PriceChanged):
        return event.tick.symbol
    if isinstance(event, BarClosed):
        return event.bar.symbol
    if isinstance(event, StatusChanged):
        return event.status.symbol
    return event.symbol


def content(event: Event, now: int, hide: Callable[[str], str]) -> Any:
    """Return what goes over the wire; prices carry their age at `now`."""
    if isinstance(event, PriceChanged):
        return event.tick.fields(now)
    if isinstance(event, StatusChanged):
        return plain(event.status.without_secrets(hide))
    if isinstance(event, Traded):
        return {"bot": event.bot, "mode": event.mode, "symbol": event.symbol, **plain(event.mark)}
    return plain(event.bar)


def plain(answer: Answer) -> dict[str, Any]:
    """Return an answer as what JSON knows."""
    return answer.model_dump(mode="json")


def message(kind: str, number: int, data: Any) -> bytes:
    """Write a message.

    Parameters
    ----------
    kind
        ``"snapshot"``, ``"price"``, ``"bar"``, ``"status"``, ``"trade"`` or ``"error"``.
    number
        Counts the messages of this server; a gap shows that some were dropped.
    data
        Its content.
    """
    return orjson.dumps({"type": kind, "seq": number, "data": data}, default=float)
