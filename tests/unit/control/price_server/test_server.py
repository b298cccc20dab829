"""The library's price server: what it leaves behind, what it hides, and whom it tells of attacks."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading

import psutil
import pytest

import cryptobot as cb
from cryptobot.control.price_server.server import PriceServer
from cryptobot.core.errors import ConfigError
from mcp_server import PriceClient

SECRET = "Zq8hunter2hunter2Zq8"


def test_twenty_restarts_leave_nothing_behind(make_bot, tmp_path, eventually):
    bot = make_bot().start()
    server = PriceServer(bot, port=0, state_directory=tmp_path)
    server.start().stop()  # what is made once and kept
    # A stop does not wait for the first import of the protocol's package.
    eventually(lambda: "cryptobot-assistant" not in {thread.name for thread in threading.enumerate()})
    gc.collect()
    process = psutil.Process()
    before = {thread.name for thread in threading.enumerate()}, process.num_fds() if hasattr(process, "num_fds") else 0
    for _ in range(20):
        with server:
            assert server.running
    gc.collect()
    after = {thread.name for thread in threading.enumerate()}, process.num_fds() if hasattr(process, "num_fds") else 0
    assert after == before
    assert list(tmp_path.iterdir()) == []
    assert bot.status().state == "running"


def test_stopping_removes_what_was_not_to_be_recorded(make_bot, make_server):
    server = make_server(make_bot())
    aside = server._library._aside()
    assert aside.is_dir()
    server.stop()
    assert not aside.exists()


def test_clients_find_it_and_get_the_bots_price(make_bot, make_server, tmp_path, eventually):
    bot = make_bot(cb.PracticeExchange(speed=600)).start()
    make_server(bot)
    with PriceClient.connect(state_directory=tmp_path / "servers") as client:
        eventually(lambda: client.status().bars > 2)
        assert client.price("BTC-USDT").symbol == "BTC/USDT"
        kinds = set()
        for message in client.stream():
            kinds.add(message.type)
            if {"snapshot", "price", "bar", "status"} <= kinds:
                break
        bot.stop()
        eventually(lambda: client.status().state == "stopped")
        assert client.ohlcv("BTC/USDT", limit=5).close == bot.bars().close.tolist()[-5:]


def test_it_can_be_started_in_a_coroutine_and_ended_over_the_network(make_bot, make_server, ask, tmp_path, eventually):
    bot = make_bot().start()

    async def run():
        async with PriceServer(bot, port=0, state_directory=tmp_path / "one") as server:
            return await asyncio.to_thread(ask, server, "/bot-status")

    assert asyncio.run(run())[1]["bot"] == bot.name
    server = make_server(bot)
    assert ask(server, "/shutdown", {"stop_bots": True}, server.control_token)[1]["stop_bots"] is True
    assert server.wait(10)
    assert bot.status().state == "stopped"
    eventually(lambda: "cryptobot-price-reader" not in {thread.name for thread in threading.enumerate()})
    assert server.start().running  # and it goes on as if nothing had been
    assert ask(server, "/bot-status")[1]["state"] == "stopped"
    assert ask(server, "/bot-control", {}, server.control_token)[1]["state"] == "running"


def test_refused_attempts_stand_in_the_bots_log(make_bot, make_server, ask):
    bot, told = make_bot(), []
    server = make_server(bot, on_refused=told.append)
    assert ask(server, "/price/BTC-USDT", token="wrong")[0] == 401
    assert ask(server, "/stop-bot", {}, server.token)[0] == 403
    lines = [line for line in bot.logs() if line.level == "warning"]
    assert [line.text.split(" from ")[0] for line in lines] == [
        "The price server refused token",
        "The price server refused control",
    ]
    assert [refusal.reason for refusal in told] == ["token", "control"]
    notices = [(notice.level, notice.text) for notice in bot.notices()]  # from where its alerts take them
    assert notices == [("warning", line.text) for line in lines]


def test_planted_secrets_are_in_no_answer(make_bot, make_server, ask, monkeypatch, caplog):
    monkeypatch.setenv("BINANCE_API_SECRET", SECRET)
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"https://hooks.slack.com/services/T0/B0/{SECRET[::-1]}")
    exchange = cb.CcxtExchange(
        "binance", mode="testnet", endpoint="http://127.0.0.1:9", api_key=SECRET[2:] + "k", secret=SECRET[3:] + "s"
    )
    named = make_bot(exchange, symbol="BTC/USDT", timeframe="1m", name="keyed")
    bot = make_bot(name="plain").start()
    server = make_server([bot, named], allow_control=True)
    planted = [SECRET, SECRET[::-1], SECRET[2:] + "k", SECRET[3:] + "s", server.token, server.control_token]
    for secret in planted:
        bot.log("error", f"GET https://api/x?signature=ab12cd34&apiKey={secret} failed: {secret}")
    ask(server, "/frontend-error", {"bot": "plain", "message": f"oops {SECRET}"})
    with caplog.at_level(logging.DEBUG):
        paths = ["bot-status", "bot-logs?level=debug", "explain", "price-feed", "performance", "trades", "bot-control"]
        said = [ask(server, f"/{path}{'&' if '?' in path else '?'}bot=plain") for path in paths]
        said += [ask(server, f"/{path}") for path in (f"price/{SECRET}"[:40], "strategies", "symbols", "prices")]
    text = json.dumps(said)
    assert "oops" in text
    assert "signature=…" in json.dumps(said, ensure_ascii=False)
    for secret in planted:
        assert secret not in text
        assert secret not in "".join(record.getMessage() for record in caplog.records if "price_server" in record.name)


def test_mistakes_are_named_before_anything_starts(make_bot, make_server):
    with pytest.raises(ConfigError, match="host: 0.0.0.0 can be reached from other machines"):
        PriceServer(make_bot(), host="0.0.0.0")
    server = make_server(make_bot(name="one"))
    with pytest.raises(ConfigError, match=str(server.port)):
        make_server(make_bot(name="two"), port=server.port)
    assert [thread.name for thread in threading.enumerate()].count("cryptobot-price-reader") == 1
