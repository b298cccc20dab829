"""Bots for the panel's tests, and tapes for its chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.notebook.panel import ControlPanel
from cryptobot.trading.tape import TapeWindow

MINUTE = 60_000_000_000
START = 1_704_067_200_000_000_000


@pytest.fixture
def make_tape() -> Callable[..., TapeWindow]:
    """Return a function that makes a tape of n one-minute bars with chosen features and fills."""

    def make(n: int, *, features: dict[str, Any] | None = None, fills: tuple[Any, ...] = ()) -> TapeWindow:
        wave = 60_000 + 500 * np.sin(np.arange(n) / 20)
        opened = np.r_[wave[:1], wave[:-1]] if n else wave
        return TapeWindow(
            time=START + MINUTE * np.arange(n, dtype=np.int64),
            open=opened,
            high=np.maximum(opened, wave) + 10,
            low=np.minimum(opened, wave) - 10,
            close=wave,
            volume=1 + np.arange(n) % 7.0,
            features=features if features is not None else {"fast": wave - 5, "volatility": np.full(n, 0.0004)},
            equity=np.full(n, 10_000.0),
            fills=fills,
            sequence=n,
        )

    return make


@pytest.fixture
def finished_bot() -> cb.Bot:
    """A bot that has traded 400 recorded bars."""
    bars = cb.practice_bars(400, seed=7)
    bot = cb.Bot(cb.MovingAverageCrossover(fast=5, slow=15), exchange=cb.ReplayExchange(bars))
    bot.run()
    return bot


@pytest.fixture
def practice_bot() -> Iterator[cb.Bot]:
    """A bot on the practice market, 50 bars a second, not started."""
    bot = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange(seed=7, speed=3000))
    yield bot
    bot.stop()


@pytest.fixture
def open_panel() -> Iterator[Callable[..., ControlPanel]]:
    """Return a function that opens a panel; it is closed after the test."""
    panels: list[ControlPanel] = []

    def make(bot: cb.Bot, **options: Any) -> ControlPanel:
        panels.append(ControlPanel(bot, **options))
        return panels[-1]

    yield make
    for panel in panels:
        panel.close()
