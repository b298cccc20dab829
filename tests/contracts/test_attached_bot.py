"""What an attached bot shows is exactly what the bot itself says, read at the same moment."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.control import reading
from cryptobot.control.gone import BotGoneError
from tests.contracts.served import Served

PATIENCE = 60
BARS = cb.practice_bars(700, seed=5)


@pytest.fixture
def pair(tmp_path):
    """A bot that has run out of bars, and a handle to it."""
    bot = cb.Bot(
        cb.MovingAverageCrossover(3, 9),
        exchange=cb.ReplayExchange(BARS),
        name="both",
        limits=cb.Limits(max_order_value=500, stop_loss="0.002", take_profit="0.01"),
    )
    bot.start()
    assert bot.wait(PATIENCE)
    served = Served(bot, tmp_path)
    yield bot, served.handle
    served.close()


def test_everything_that_can_be_read_is_the_same(pair):
    bot, handle = pair
    assert handle.status() == bot.status()
    assert repr(handle.status()) == repr(bot.status())
    assert handle.logs() == bot.logs()
    assert handle.notices() == bot.notices()
    assert repr(handle.explain()) == repr(bot.explain())
    assert (handle.name, handle.mode, handle.strategy) == (bot.name, bot.mode, bot.strategy)
    for table in ("trades", "open_orders", "bars"):
        pd.testing.assert_frame_equal(getattr(handle, table)(), getattr(bot, table)(), check_exact=True)


@pytest.mark.parametrize("page", [37, 100, 699, 700, 701])
def test_a_long_tape_comes_in_pages_without_a_seam(pair, page, monkeypatch):
    bot, handle = pair
    for module in (reading, cb.control.attached_bot):
        monkeypatch.setattr(module, "MOST_ROWS", page)
    for n in (None, 0, 1, 6, 7, 8, 350, 700, 10_000):
        ours, theirs = handle.tape(n), bot.tape(n)
        for field in dataclasses.fields(theirs):
            one, other = getattr(ours, field.name), getattr(theirs, field.name)
            if isinstance(other, np.ndarray):
                np.testing.assert_array_equal(one, other)
                assert one.dtype == other.dtype
            elif isinstance(other, dict):
                assert list(one) == list(other)
                for name, values in other.items():
                    np.testing.assert_array_equal(one[name], values)
            else:
                assert one == other


def test_one_that_is_gone_says_so(pair, tmp_path):
    _, handle = pair
    lost = cb.control.attached_bot.AttachedBot("another", handle._folders)
    assert not lost.alive
    assert "no process answers" in repr(lost)
    for read in (lost.status, lost.logs, lost.trades, lost.stop, lost.explain):
        with pytest.raises(BotGoneError, match=r"another: it does not run.*cb\.launch"):
            read()


def test_another_bot_on_the_port_is_not_taken_for_this_one(tmp_path):
    bot = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange(), name="mine")
    served = Served(bot, tmp_path, name="somebody-else")
    try:
        assert not served.handle.alive
        with pytest.raises(BotGoneError, match="another program answers"):
            served.handle.about()
    finally:
        served.close()


def test_it_shows_itself_as_the_bot_does(pair):
    bot, handle = pair
    shown = handle._repr_mimebundle_()
    assert "text/html" in shown
    assert shown["text/html"] == bot._repr_mimebundle_()["text/html"]
