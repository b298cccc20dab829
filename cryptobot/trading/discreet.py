"""What is written down and told, without secrets: reasons may quote an exchange, a strategy or a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from cryptobot.core.secrecy import redact
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal.contents import Outcome, StateChange, TradingStateChange

T = TypeVar("T")


def discreet(content: T) -> T:
    """Return a record's content, or a notice, without secrets; most hold no text of others, and stay as they are."""
    if isinstance(content, Notice):
        whole = " ".join((content.text, *content.facts.values()))
        if redact(whole) == whole:
            return content
        facts = {name: redact(value) for name, value in content.facts.items()}
        return replace(content, text=redact(content.text), facts=facts)
    if isinstance(content, StateChange):
        return content._replace(reason=redact(content.reason))
    if isinstance(content, Outcome | TradingStateChange):
        return replace(content, reason=redact(content.reason))
    return content
