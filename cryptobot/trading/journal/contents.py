"""What the records of a journal hold, beside the orders, fills and events of core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, Final, Literal, NamedTuple

from cryptobot.core.money import Market
from cryptobot.core.types import Bar, Fill, Mode

# The layout of a journal's file; files of an older one are brought up to it when they are opened.
SCHEMA: Final = 1

OutcomeKind = Literal["acknowledged", "rejected", "not_sent", "unknown", "absent", "cancel_sent"]


@cache
def library_version() -> str:
    """Return the version of this library."""
    return metadata.version("cryptobot")


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """Whose journal it is: the content of its first record (kind ``"opened"``).

    Attributes
    ----------
    bot
        Name of the bot.
    exchange
        Name of the exchange.
    account
        Fingerprint of the account, nothing secret; ``""`` where there is none.
    mode, symbol, timeframe
        What the bot trades, and how far the exchange is to be trusted with money.
    opened
        When the journal was made, nanoseconds since 1970-01-01 UTC.
    market
        The rules of the market when it was made, or None where they were not known.
    schema
        Layout of the file when it was made.
    library
        Version of the library that made it.
    """

    bot: str
    exchange: str
    account: str
    mode: Mode
    symbol: str
    timeframe: str
    opened: int
    market: Market | None = None
    schema: int = SCHEMA
    library: str = field(default_factory=library_version)

    def differences(self, wanted: JournalHeader) -> list[str]:
        """Say, in words, in what this journal is another's than ``wanted``; an empty list when it is the same's."""
        names = ("bot", "exchange", "account", "mode", "symbol", "timeframe")
        return [
            f"its {name} is {str(getattr(self, name))!r}, not {str(getattr(wanted, name))!r}"
            for name in names
            if getattr(self, name) != getattr(wanted, name)
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of sending an order, or that a cancel was sent.

    Attributes
    ----------
    client_id
        Of the order, or of the pair of orders (OCO).
    kind
        ``"acknowledged"``: the exchange has it. ``"rejected"``: refused, nothing traded. ``"not_sent"``: it never
        reached the exchange. ``"unknown"``: nobody knows. ``"absent"``: proved not to be there. ``"cancel_sent"``: a
        cancel is on its way.
    exchange_id
        The exchange's own id, where it is known.
    reason
        In words.
    """

    client_id: str
    kind: OutcomeKind
    exchange_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BookedFill:
    """An execution that was seen.

    Attributes
    ----------
    fill
        The execution.
    own
        Whether it belongs to an order of this bot; one that does not is never booked and never sold.
    complete
        Whether its order is done with it.
    """

    fill: Fill
    own: bool = True
    complete: bool = True


class StateChange(NamedTuple):
    """The bot's state changed.

    Attributes
    ----------
    state
        See `BotStatus`.
    reason
        In words.
    """

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TradingStateChange:
    """What may be traded changed.

    Attributes
    ----------
    state
        The value of the `TradingState`: active, reducing or halted.
    reason
        In words.
    by
        Who did it: the name of a limit, ``"user"``, ….
    """

    state: str
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class ParametersSet:
    """The strategy and the parameters that trade from here on.

    Attributes
    ----------
    strategy
        Its name.
    params
        Its parameters, by name.
    """

    strategy: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BarSeen:
    """A closed bar as the strategy saw it.

    Attributes
    ----------
    bar
        The bar.
    features
        The strategy's features at its close, by name; NaN while undefined.
    equity
        Of the bot at its close, in the quote currency.
    """

    bar: Bar
    features: Mapping[str, float]
    equity: float


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a reader of the journal has come.

    Attributes
    ----------
    name
        Of the reader.
    number
        Of the last record that it is done with.
    """

    name: str
    number: int
