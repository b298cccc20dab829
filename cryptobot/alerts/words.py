"""The words of a message, the same for every channel."""

from __future__ import annotations

from typing import Final

from cryptobot.alerts.alert import Alert, Digest, Message
from cryptobot.alerts.clean import clean
from cryptobot.alerts.times import local, zone_of

# What happened, in a few words, by topic; the market follows where one is known.
TITLES: Final = {
    "entry": "Bought",
    "exit": "Sold",
    "stop_loss": "Stop-loss sold",
    "take_profit": "Take-profit sold",
    "flattened": "Position closed by hand",
    "started": "Started",
    "stopped": "Stopped",
    "halted": "HALTED",
    "killed": "KILLED",
    "cleared": "Trading again",
    "unknown_order": "Unknown order",
    "resolved": "Unknown order resolved",
    "unprotected": "POSITION UNPROTECTED",
    "protected": "Position protected",
    "stale_feed": "Prices are stale",
    "limit": "Limit reached",
    "connection": "Connection",
    "external": "Not ours",
    "reconciliation": "Reconciliation",
    "parameters": "Parameters changed",
    "refused": "Order refused by a limit",
    "rejected": "Order rejected by the exchange",
    "note": "Note",
    "journal": "Journal",
    "summary": "Summary of the day",
}
SIGNS: Final = {"info": "●", "warning": "▲", "critical": "■"}
# What belongs to a trade: told under its entry where a channel can do so.
TRADE: Final = frozenset({"entry", "exit", "stop_loss", "take_profit", "flattened", "protected", "unprotected"})

_TRADE_TITLES: Final = frozenset(TITLES[topic] for topic in TRADE)


def ends_trade(alert: Alert) -> bool:
    """Say whether an alert tells of the end of a trade: it says what the trade earned."""
    return alert.topic in TRADE and alert.topic != "entry" and "pnl" in alert.facts


def tells_of_trades(message: Message) -> bool:
    """Say whether something of a trade stands in a message."""
    if isinstance(message, Alert):
        return message.topic in TRADE
    return any(tally.title in _TRADE_TITLES for tally in message.tallies)


def title_of(topic: str) -> str:
    """Return the few words for a topic; one that is not known speaks for itself.

    Examples
    --------
    >>> title_of("entry"), title_of("moon_phase")
    ('Bought', 'Moon phase')
    """
    return TITLES.get(topic) or clean(topic.replace("_", " "), 40, one_line=True).capitalize() or TITLES["note"]


def headline(message: Message) -> str:
    """Return what a phone shows first: one line of what happened, where."""
    if isinstance(message, Alert):
        said = f"{SIGNS[message.level]} {message.title}"
        where = message.market or message.bot
        return clean(f"{said}: {where}" if where else said, 140, one_line=True)
    first = message.tallies[0] if message.tallies else None
    if first is not None and len(message.tallies) == 1:
        return clean(f"{SIGNS[message.level]} {message.count:,} × {first.title}: {message.market or message.bot}", 140)
    return clean(f"{SIGNS[message.level]} {message.count:,} alerts: {message.market or message.bot}", 140)


def body(message: Message) -> str:
    """Return what happened in sentences; a digest says how often what happened."""
    if isinstance(message, Alert):
        return clean(message.text)
    lines = [f"{tally.count:,} × {tally.title} ({tally.level})" for tally in message.tallies]
    told = [f"{clock(sample.time)} {sample.text}" for sample in message.samples]
    return "\n".join([*(clean(line, 200, one_line=True) for line in lines), "", *(clean(t, 300) for t in told)]).strip()


def facts(message: Message) -> list[tuple[str, str]]:
    """Return the figures with their names; a digest has none."""
    if isinstance(message, Digest):
        return []
    pairs = list(message.facts.items())[:20]
    return [
        (clean(name, 40, one_line=True).replace("_", " "), clean(value, 300, one_line=True)) for name, value in pairs
    ]


def footer(message: Message) -> str:
    """Return who says it, when it happened, how far it is real money, and whether it may have been told before."""
    when = clock(message.time) if isinstance(message, Alert) else f"{clock(message.first)} to {clock(message.last)}"
    late = "told late" if message.late else ""
    again = "may be a repeat" if message.repeat else ""
    parts = [message.mode and message.mode.upper(), message.bot, when, late, again]
    return clean(" · ".join(part for part in parts if part), 300, one_line=True)


def plain(message: Message) -> str:
    """Return the whole message as lines of text."""
    figures = [f"{name}: {value}" for name, value in facts(message)]
    return "\n".join(part for part in [headline(message), body(message), *figures, footer(message)] if part)


def clock(time: int) -> str:
    """Return a time, nanoseconds since 1970-01-01 UTC, for people, in UTC."""
    return local(time, zone_of("UTC")).strftime("%b %d %H:%M:%S UTC")
