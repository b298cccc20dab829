"""Where a bot stands, printed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

import cryptobot as cb
from cryptobot.trading.status_words import rows


@pytest.fixture(scope="module")
def status():
    bot = cb.Bot(cb.MovingAverageCrossover(3, 9), exchange=cb.ReplayExchange(cb.practice_bars(90, seed=3)), name="mine")
    bot.run()
    return replace(
        bot.status(),
        symbol="BTC/USDT",
        quantity=Decimal("0.06693000"),
        entry_price=Decimal("59763.19000"),
        equity=Decimal("10120.334"),
        realised_pnl=Decimal("120.5"),
        unrealised_pnl=Decimal("-3.25"),
        day_pnl=Decimal(7),
        fees=Decimal("1.5"),
        trades=1,
        open_orders=2,
        protected=True,
        journal=None,
        pid=4711,
    )


def test_it_is_short_lines_and_its_repr_stays_whole(status):
    name, *lines = str(status).splitlines()
    assert name == "mine"
    assert [line.split(":")[0] for line in lines] == list(rows(status))
    assert max(map(len, lines)) < 100
    assert f"{status}" == str(status)
    assert repr(status).startswith("BotStatus(name='mine', mode=")


def test_it_tells_state_mode_market_position_money_and_orders(status):
    told = rows(status)
    assert "Trouble" not in told
    assert {
        name: told[name] for name in ("Mode", "Market", "Position", "Open", "Equity", "PnL", "Trades", "Journal")
    } == {
        "Mode": "practice",
        "Market": "BTC/USDT 1m",
        "Position": "0.06693 BTC at 59,763.19",
        "Open": "a position of 0.06693 BTC, covered by orders on the exchange; 2 open orders",
        "Equity": "10,120.33 USDT (today +7.00)",
        "PnL": "+120.50 USDT realised, -3.25 unrealised",
        "Trades": f"1 in {status.bars} bars, fees 1.50 USDT",
        "Journal": "in memory",
    }
    assert told["State"].startswith("finished")
    assert rows(replace(status, entry_price=None, quantity=Decimal(0), open_orders=0))["Open"] == "nothing"


def test_it_tells_what_is_wrong(status):
    wrong = replace(
        status,
        connected=False,
        unknown_orders=1,
        protected=False,
        trading_state="halted",
        trading_reason="too much lost",
    )
    assert rows(wrong)["Trouble"] == (
        "the exchange does not answer; nobody knows what became of 1 order; the position is not protected"
    )
    assert rows(wrong)["Trading"] == "halted: too much lost"


def test_a_bot_that_was_never_started_can_be_printed():
    assert "Position:  flat" in str(cb.Bot(cb.BuyAndHold(), exchange=cb.PracticeExchange()).status())
