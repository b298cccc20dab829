"""Bots, to look at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from cryptobot.control.price_server import indicators as features
from cryptobot.control.price_server.failures import answered
from cryptobot.control.price_server.figures import together
from cryptobot.control.price_server.performance import performance_of
from cryptobot.control.price_server.roster import Roster
from cryptobot.control.price_server.shapes import mark_of, numbers, trade_of
from cryptobot.control.price_server.watch import BotWatch
from cryptobot.trading.explanation import Explanation as BotExplanation
from mcp_server.errors import BackendError
from mcp_server.models.bot import (
    BotLogs,
    BotStatus,
    Explanation,
    Level,
    LogLine,
    Performance,
    Period,
    PriceFeed,
    TradePage,
)
from mcp_server.models.market import Price

_LEVELS: Final[Sequence[Level]] = ("debug", "info", "warning", "error")


class BotViews:
    """What the server tells of bots; see `mcp_server.backend.BotBackend`.

    Parameters
    ----------
    roster
        Which bots there are.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    async def bots(self) -> Sequence[str]:
        """Return the names of all bots."""
        return [watch.bot.name for watch in self._roster.watches]

    async def bot_status(self, bot: str | None) -> BotStatus:
        """Return where a bot stands."""
        return self._roster.find(bot).answer

    async def bot_logs(self, bot: str | None, limit: int, level: Level) -> BotLogs:
        """Return the newest lines of a bot's log, oldest first."""
        watch = self._roster.find(bot)
        least = _LEVELS.index(level)
        with answered():
            written = await asyncio.to_thread(watch.bot.logs)
        kept = [line for line in written if _LEVELS.index(line.level) >= least][-limit:]
        lines = [
            LogLine.model_validate({"time": round(line.time * 1e6) * 1_000, "level": line.level, "text": line.text})
            for line in kept
        ]
        return BotLogs.model_validate({**_about(watch), "lines": lines})

    async def trades(self, bot: str | None, limit: int, cursor: str | None) -> TradePage:
        """Return round trips, newest first; the open one stands on the first page.

        The cursor counts closed trades from the oldest on, so that it stays true while new ones are made.
        """
        watch = self._roster.find(bot)
        closed = len(watch.closed)
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and int(cursor) <= closed):
            raise BackendError("`cursor` is not one that a page gave. Leave it out for the first page.")
        opened = watch.open_trade if cursor is None else None
        end = closed if cursor is None else int(cursor)
        start = max(0, end - limit + (opened is not None))
        rows = [*([] if opened is None else [opened]), *reversed(watch.closed[start:end])]
        following = str(start) if start > 0 else None
        return TradePage.model_validate(
            {**_about(watch), "trades": [trade_of(row) for row in rows], "next_cursor": following}
        )

    async def performance(self, bot: str | None, period: Period) -> Performance:
        """Return how a bot did, beside simply holding."""
        return await asyncio.to_thread(performance_of, self._roster.find(bot), period)

    async def price_feed(self, bot: str | None, limit: int) -> PriceFeed:
        """Return what a bot's chart shows."""
        watch = self._roster.find(bot)
        with answered():
            return await asyncio.to_thread(_feed, watch, limit)

    async def explain(self, bot: str | None) -> Explanation:
        """Say why a bot's newest candle did or did not trade."""
        watch = self._roster.find(bot)
        with answered():
            found = await asyncio.to_thread(watch.explanation)
        values = dict(zip(found.features, numbers(found.features.values()), strict=True))
        return Explanation.model_validate(
            {
                **_about(watch),
                "time": found.time,
                "decision": _decision(watch, found),
                "text": found.text,
                "values": values if found.close is None else {"close": found.close, **values},
            }
        )

    async def metrics(self) -> str:
        """Return figures of all bots in Prometheus' text format."""
        with answered():
            return together(await asyncio.gather(*(asyncio.to_thread(watch.metrics) for watch in self._roster.watches)))

    async def note_frontend_error(self, bot: str | None, text: str) -> None:
        """Write an error of a page to a bot's log."""
        with answered():
            await asyncio.to_thread(self._roster.find(bot).bot.log, "error", text)


def _about(watch: BotWatch) -> dict[str, str]:
    status = watch.status
    return {"bot": status.name, "mode": str(status.mode)}


def _decision(watch: BotWatch, found: BotExplanation) -> str:
    """Return what the newest candle led to: the side of an order, or holding."""
    decided = watch.decided
    if decided is None or found.time is None or decided[1] != found.time + watch.timeframe.nanoseconds:
        return "hold"
    return decided[0]


def _feed(watch: BotWatch, limit: int) -> PriceFeed:
    status, strategy = watch.status, watch.strategy
    # Enough rows to tell which features are prices; at most a few thousand.
    n = min(features.MOST_ROWS, max(limit, strategy.warm_up + 100))
    time, values = watch.columns.newest(n)
    bars = watch.bars_of(time, values)
    shown = {name: column[-limit:] for name, column in values.items()}
    newest = {name: float(column[-1]) for name, column in values.items() if column.size}
    averages = [name for name in watch.averages(bars) if name in values] if len(bars) else []
    said = watch.explanation()
    tick = watch.ticks.get(status.symbol)
    first = int(time[-limit:][0]) if time.size else 0
    return PriceFeed.model_validate(
        {
            **_about(watch),
            "symbol": status.symbol,
            "timeframe": status.timeframe,
            "price": None if tick is None else Price.model_validate(tick.fields(watch.now())),
            "signal": "buy" if said.buy else "sell" if said.sell else "none",
            "volatility": features.volatility_of(strategy, newest, bars) if len(bars) else None,
            "time": time[-limit:].tolist(),
            "close": shown["close"].tolist(),
            "averages": {name: numbers(shown[name]) for name in averages},
            "trades": [mark_of(fill) for fill in watch.fills[-limit:] if fill.time >= first],
        }
    )
