"""A bot in one piece: where it stands, its bars, its last decision, its trades and its orders at one and the same moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptobot.core.types import Trade
from cryptobot.trading.explanation import Explanation
from cryptobot.trading.order_table import order_rows
from cryptobot.trading.status import BotStatus
from cryptobot.trading.tape import TapeWindow

if TYPE_CHECKING:
    from cryptobot.trading.bot import Bot


@dataclass(frozen=True, slots=True, eq=False)
class BotSnapshot:
    """What a face shows of a bot; nothing of it is older or newer than the rest.

    Attributes
    ----------
    status
        Where it stands.
    tape
        Its newest bars with features, equity and fills.
    explanation
        Why its last bar did or did not trade.
    trades
        Its newest round trips, oldest first; an open one comes last, valued at the last close.
    orders
        Its open orders, as rows of `order_table`.
    """

    status: BotStatus
    tape: TapeWindow
    explanation: Explanation
    trades: list[Trade]
    orders: list[tuple[Any, ...]]


def snapshot_of(bot: Bot, bars: int | None, trades: int | None) -> BotSnapshot:
    """Read a bot in one piece, under its lock.

    Parameters
    ----------
    bot
        The bot.
    bars, trades
        How many of the newest; None for all.
    """
    with bot.lock:
        return BotSnapshot(bot.status(), bot.tape(bars), bot.explain(), trades_of(bot, trades), orders_of(bot))


def trades_of(bot: Bot, n: int | None = None) -> list[Trade]:
    """Return the newest n round trips (None: all), oldest first; an open one comes last, valued at the last close."""
    with bot.lock:
        engine = bot.session.engine
        if engine is None:
            return []
        opened = engine.portfolio.open_trade(engine.last_bar.close if engine.last_bar is not None else 0.0)
        rows = [*engine.portfolio.trades, *([] if opened is None else [opened])]
    return rows if n is None else rows[max(0, len(rows) - n) :]


def orders_of(bot: Bot) -> list[tuple[Any, ...]]:
    """Return the bot's orders that may still be filled, as rows of `order_table`."""
    with bot.lock:
        gateway = bot.session.gateway
        return order_rows([] if gateway is None else gateway.open_lives)
