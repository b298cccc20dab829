"""The demo's look at the price server tells a wrong price from the bot's own."""

from __future__ import annotations

import pytest

import cryptobot as cb
from cryptobot.cli import demo_server
from cryptobot.core.errors import CryptobotError
from cryptobot.core.text import written


@pytest.fixture
def bot():
    made = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.ReplayExchange(cb.practice_bars(300)))
    made.run()
    return made


def test_three_ways_give_the_bots_price(bot):
    text = demo_server.check_server(bot)
    assert f"{written(bot.status().price)} read by REST, WebSocket and Model Context Protocol" in text


def test_a_wrong_price_is_told(bot, monkeypatch):
    async def wrong(server, symbol):
        return 1.0

    monkeypatch.setattr(demo_server, "_as_an_assistant", wrong)
    with pytest.raises(CryptobotError, match="Model Context Protocol says 1.0, and the bot's last price is"):
        demo_server.check_server(bot)
