"""A session's figures against those of the backtest of the same bars."""

from __future__ import annotations

import dataclasses
import math
from decimal import Decimal

import pytest

import cryptobot as cb
from cryptobot.core.errors import ConfigError
from cryptobot.market.practice import PRACTICE_MARKET
from cryptobot.trading.session_stats import session_stats

STRATEGY = cb.MovingAverageCrossover(3, 9)


@pytest.mark.parametrize("history", [0, 300])
@pytest.mark.parametrize("market", [None, dataclasses.replace(PRACTICE_MARKET, min_notional=Decimal(9_900))])
def test_every_figure_is_that_of_the_backtest(make_bot, market, history):
    bars = cb.practice_bars(1_500, seed=5)
    bot = make_bot(STRATEGY, cb.ReplayExchange(bars, market=market, history=history))
    bot.run()
    start = bars.index[history] if history else None
    wanted = dict(cb.backtest(STRATEGY, bars, market=market, start=start).stats)
    got = dict(session_stats(bot))
    assert math.isnan(got.pop("buy_and_hold"))
    del wanted["buy_and_hold"]
    assert got == pytest.approx(wanted, rel=1e-9, nan_ok=True)
    assert (got["refused"] > 0) == (market is not None)


def test_without_a_bar_there_is_nothing_to_measure(make_bot):
    with pytest.raises(ConfigError, match="has seen no bars yet"):
        session_stats(make_bot())


def test_it_can_be_measured_at_any_moment(make_bot):
    bars = cb.practice_bars(200, seed=5)
    bot = make_bot(STRATEGY, cb.ReplayExchange(bars))
    measured = []
    touch = bot.session.touch

    def touched():
        touch()
        if bot.session.bars > 0:
            measured.append(session_stats(bot))

    bot.session.touch = touched  # after every event, also between a fill and its bar
    assert bot.run().state == "finished"
    assert len(measured) > 200
    assert [stats.trades for stats in measured] == sorted(stats.trades for stats in measured)
