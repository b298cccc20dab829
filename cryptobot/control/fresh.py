"""What is new in a bot since somebody last made a copy of it: read in one piece, in its process or from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptobot.control import wire
from cryptobot.core.money import Market
from cryptobot.core.types import Fill, Trade
from cryptobot.trading.bot import Bot
from cryptobot.trading.status import BotStatus
from cryptobot.trading.tape import TapeWindow


@dataclass(frozen=True, slots=True)
class Have:
    """How far a copy has come.

    Attributes
    ----------
    sequence
        Of the status in it; -1 for no copy at all.
    changes
        How often the strategy had been changed; -1 for no columns at all.
    bars, fills, trades
        How many of each of the bot's it knows, the ones it has forgotten included.
    """

    sequence: int = -1
    changes: int = -1
    bars: int = 0
    fills: int = 0
    trades: int = 0


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a copy lacks.

    Attributes
    ----------
    have
        How far the copy comes with it.
    status
        Where the bot stands.
    exchange
        Where its prices come from.
    market
        The rules of its market, or None before its first start.
    first_time
        Open time of the first bar that it could trade on, or None.
    open_trade
        The position as a trade, or None.
    decided
        Side and time of its newest decision to trade, or None.
    fills, closed
        Executions and closed round trips that are new, oldest first.
    """

    have: Have
    status: BotStatus
    exchange: str
    market: Market | None
    first_time: int | None
    open_trade: Trade | None
    decided: tuple[str, int] | None
    fills: list[Fill]
    closed: list[Trade]


def fresh_of(bot: Bot, have: Have, most: int) -> tuple[Fresh, TapeWindow | None]:
    """Return what a copy lacks, and the bars that it lacks: all that are kept if the strategy has been changed.

    Parameters
    ----------
    bot
        Its lock is taken for the time of the copying.
    have
        How far the copy has come.
    most
        Bars, executions and round trips, at most so many of each: the newest.
    """
    with bot.lock:
        status, session = bot.status(), bot.session
        engine = session.engine
        if engine is None:
            now = Have(status.sequence, bars=status.bars)
            return Fresh(now, status, bot.exchange.name, None, session.first_time, None, None, [], []), None
        books, all_fills, intents = engine.portfolio, engine.fills, engine.intents
        now = Have(
            status.sequence, engine.parameter_changes, status.bars, fills=len(all_fills), trades=len(books.trades)
        )
        window = bot.tape(most if now.changes != have.changes else min(most, now.bars - have.bars))
        found = Fresh(
            now,
            status,
            bot.exchange.name,
            engine.market,
            session.first_time,
            None if status.price is None else books.open_trade(status.price),
            (str(intents[-1].side), intents[-1].time) if intents else None,
            all_fills[max(have.fills, now.fills - most) :],
            books.trades[max(have.trades, now.trades - most) :],
        )
    return found, window


def to_plain(found: tuple[Fresh, TapeWindow | None]) -> dict[str, Any]:
    """Turn it into what JSON can hold."""
    fresh, window = found
    return {"fresh": fresh, "window": None if window is None else wire.tape_to_plain(window)}


def of_plain(plain: Any) -> tuple[Fresh, TapeWindow | None]:
    """Turn it back.

    Raises
    ------
    CryptobotError
        If it is not what this version writes.
    """
    window = plain["window"]
    return wire.load(Fresh, plain["fresh"]), None if window is None else wire.tape_of_plain(window)
