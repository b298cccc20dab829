"""What a bot's process tells of its bot, as plain values; none of it loads pandas."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cryptobot.control import wire
from cryptobot.control.metrics import metrics
from cryptobot.control.strategy_source import pack
from cryptobot.core.types import Trade
from cryptobot.trading.bot import Bot
from cryptobot.trading.order_table import order_rows
from cryptobot.trading.tape import TapeWindow

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_ROWS: Final = 20_000
"""The most bars in one answer."""


class Reading:
    """Answers to questions about a bot; each takes the bot's lock for a moment, so they are asked on threads.

    Parameters
    ----------
    bot
        The bot.
    """

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.answers: Mapping[str, Callable[..., Any]] = {
            "status": self._status,
            "logs": lambda n=None: bot.logs(n),
            "notices": lambda n=None: bot.notices(n),
            "trades": self._trades,
            "orders": self._orders,
            "explanation": lambda at=None: bot.explain(at),
            "tape": self._tape,
            "figures": lambda: metrics(bot),
            "strategy": lambda: base64.b64encode(pack(bot.strategy)).decode("ascii"),
        }

    def _status(self) -> dict[str, Any]:
        return {"status": self._bot.status(), "ended": self._bot.wait(0)}

    def _trades(self, n: int | None = None) -> list[Trade]:
        bot = self._bot
        with bot.lock:
            engine = bot.session.engine
            if engine is None:
                return []
            opened = engine.portfolio.open_trade(engine.last_bar.close if engine.last_bar is not None else 0.0)
            rows = [*engine.portfolio.trades, *([] if opened is None else [opened])]
        return rows if n is None else rows[max(0, len(rows) - n) :]

    def _orders(self) -> list[tuple[Any, ...]]:
        with self._bot.lock:
            gateway = self._bot.session.gateway
            return order_rows([] if gateway is None else gateway.open_lives)

    def _tape(self, n: int | None = None, before: int | None = None) -> dict[str, Any]:
        size = MOST_ROWS if n is None else min(n, MOST_ROWS)
        if before is None:
            return wire.tape_to_plain(self._bot.tape(size))
        return wire.tape_to_plain(_page(self._bot.tape(None), size, before))


def _page(tape: TapeWindow, size: int, before: int) -> TapeWindow:
    end = int(np.searchsorted(tape.time, before))
    part = slice(max(0, end - size), end)
    time = tape.time[part]
    inside = tuple(fill for fill in tape.fills if time.size and time[0] <= fill.time < before)
    return replace(
        tape,
        time=time,
        **{name: getattr(tape, name)[part] for name in ("open", "high", "low", "close", "volume", "equity")},
        features={name: values[part] for name, values in tape.features.items()},
        fills=inside,
    )
