"""What the records of a journal hold, beside the orders, fills and events of core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import metadata
from typing import Any, Final, Literal, NamedTuple

from cryptobot.core.bars import time_text
from cryptobot.core.money import ZERO, Market
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
    flatten
        Whether the position is to be sold first.
    """

    state: str
    reason: str = ""
    by: str = ""
    flatten: bool = False


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
class Terms:
    """What one must know to trade the same bars again: written at every start, and whenever the strategy changes.

    Attributes
    ----------
    code
        Digest of the strategy's code (`cryptobot.strategy.digest.strategy_digest`).
    sizing
        What an entry may spend: ``kind``, the name of its class, and the values of its fields by name.
    limits
        Those that are set, by name.
    market
        Its rules at the time, or None where they are not known.
    fee, slippage_bps
        What the exchange charges, as a fraction and in basis points; None where it does not say.
    history
        The bars before, as far as they can influence a decision: ``time``, ``open``, ``high``, ``low``, ``close`` and
        ``volume``, a list each.
    """

    code: str
    sizing: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    market: Market | None = None
    fee: Decimal | None = None
    slippage_bps: Decimal | None = None
    history: Mapping[str, Any] = field(default_factory=dict)


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
class SessionStarted:
    """The bot's own books begin here.

    Attributes
    ----------
    cash
        What it may trade with, in the quote currency.
    held
        What the account held of the base currency already: never the bot's to sell.
    locked
        Of the quote currency, set aside for orders that are not the bot's.
    time
        The exchange's own at that moment, nanoseconds since 1970-01-01 UTC.
    """

    cash: Decimal
    held: Decimal
    locked: Decimal = ZERO
    time: int = 0


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """The account changed in another way than by trading: a deposit, a withdrawal, a reward.

    Attributes
    ----------
    base, quote
        By how much.
    """

    base: Decimal
    quote: Decimal


@dataclass(frozen=True, slots=True)
class RiskMark:
    """What the limits on the equity remember, at one bar's close; see `RiskGate.mark`.

    Attributes
    ----------
    day
        The day (UTC), counted from 1970-01-01.
    day_equity
        At the end of the day before, in the quote currency.
    last_equity
        At this close.
    peak
        The highest so far.
    until_day
        The day whose loss holds the bot back, or None.
    """

    day: int
    day_equity: Decimal
    last_equity: Decimal
    peak: Decimal
    until_day: int | None = None


class Forgotten(NamedTuple):
    """What a journal has let go of, so that it does not grow for ever: its oldest bars; no record of its own.

    Attributes
    ----------
    bars
        How many bars.
    number
        Of the last record that was let go of.
    time
        When that had been written down, nanoseconds since 1970-01-01 UTC.
    """

    bars: int
    number: int
    time: int

    def __str__(self) -> str:
        which = "oldest bar" if self.bars == 1 else f"{self.bars:,} oldest bars"
        return f"the journal has let go of its {which}, the last of which was written down {time_text(self.time)}"


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
