"""What a bot's process tells of its bot, as plain values; none of it loads pandas."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cryptobot.control import wire
from cryptobot.control.fresh import Have, fresh_of, to_plain
from cryptobot.control.metrics import metrics
from cryptobot.control.strategy_source import pack
from cryptobot.trading.bot import Bot
from cryptobot.trading.snapshot import orders_of, trades_of
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
            "trades": lambda n=None: trades_of(bot, n),
            "orders": lambda: orders_of(bot),
            "explanation": lambda at=None: bot.explain(at),
            "tape": self._tape,
            "snapshot": self._snapshot,
            "fresh": self._fresh,
            "figures": lambda: metrics(bot),
            "strategy": lambda: base64.b64encode(pack(bot.strategy)).decode("ascii"),
        }

    def _status(self) -> dict[str, Any]:
        return {"status": self._bot.status(), "ended": self._bot.wait(0)}

    def _snapshot(self, bars: int | None = None, trades: int | None = None) -> dict[str, Any]:
        told = self._bot.snapshot(MOST_ROWS if bars is None else min(bars, MOST_ROWS), trades)
        return {
            "status": told.status,
            "tape": wire.tape_to_plain(told.tape),
            "explanation": told.explanation,
            "trades": told.trades,
            "orders": told.orders,
        }

    def _fresh(self, **have: int) -> dict[str, Any] | None:
        """Return what a copy lacks; None, without waiting for the bot, if that is nothing."""
        copy = Have(**have)
        if self._bot.session.sequence == copy.sequence:
            return None
        return to_plain(fresh_of(self._bot, copy, MOST_ROWS))

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
