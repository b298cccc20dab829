"""A bot and a simulator in step: the market goes on as soon as the bot is done with a bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cryptobot.core.errors import ExchangeError
from cryptobot.trading.bot import Bot

# Seconds that a bot may take for one bar before something is certainly wrong.
_PATIENCE = 60.0


class Steps(Protocol):
    """A market that is moved on by hand, such as ``cb.Simulator(..., speed="manual")``."""

    @property
    def finished(self) -> bool:
        """Whether there are no more bars."""

    def step(self) -> int:
        """Close the present bar and open the next one; return the market's time."""


def trade_in_step(bot: Bot, market: Steps, progress: Callable[[int], None] | None = None) -> int:
    """Let a bot trade a market that is moved on by hand, to the market's end.

    Every bar waits until the bot has dealt with the one before it and has its answers, so that any number of bars
    is traded as fast as the two can go, and the same way every time. The bot is started, and stopped at the end.

    Parameters
    ----------
    bot
        Not running yet.
    market
        Where its exchange has its data from.
    progress
        Told how many bars were traded, after each.

    Returns
    -------
    int
        How many bars were traded.

    Raises
    ------
    ExchangeError
        If the bot takes longer than a minute for one bar.
    """
    bot.start()
    session = bot.session

    def done(bars: int) -> bool:
        engine = session.engine
        return session.state != "running" or (session.bars >= bars and (engine is None or not engine.busy))

    bars = 0
    try:
        while True:
            if not bot.wait_until(lambda bars=bars: done(bars), _PATIENCE):  # type: ignore[misc]
                raise ExchangeError(
                    f"{bot.name} has not dealt with bar {bars:,} within {_PATIENCE:g} s. Look at its log: bot.logs()."
                )
            if session.state != "running" or market.finished:
                return bars
            market.step()
            bars += 1
            if progress is not None:
                progress(bars)
    finally:
        bot.stop()
