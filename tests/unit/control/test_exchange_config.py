"""The exchange of a configuration, and whose account it is."""

from __future__ import annotations

import pytest

from cryptobot.control.config import BotConfig
from cryptobot.control.exchange_config import account_of, check_exchange, make_exchange
from cryptobot.core.errors import ConfigError
from cryptobot.core.types import Mode
from cryptobot.market.practice import practice_bars

KEYS = {"BINANCE_API_KEY": "key-of-mine", "BINANCE_API_SECRET": "secret-of-mine"}


def config(mode="practice", timeframe=None, **exchange):
    return BotConfig.of(
        {"name": "a", "mode": mode, "exchange": exchange, "strategy": {"name": "x"}, "timeframe": timeframe}
    )


@pytest.fixture
def keys(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def test_the_practice_market_has_the_interval_that_is_asked_for():
    exchange = make_exchange(config(timeframe="5m", seed=3, speed=600, cash=500))
    assert (exchange.mode, str(exchange.timeframe), exchange.speed) == (Mode.PRACTICE, "5m", 600)


def test_a_file_is_replayed(tmp_path):
    bars = practice_bars(50)
    bars.to_feather(tmp_path / "bars.feather")
    exchange = make_exchange(config(id="replay", bars=str(tmp_path / "bars.feather"), speed=float("inf")))
    assert exchange.name == "replay"
    assert len(exchange.columns) == 50


def test_paper_and_testnet(keys):
    paper = make_exchange(config("paper", id="binance", cash=700))
    assert (paper.mode, paper.name) == (Mode.PAPER, "binance on paper")
    assert make_exchange(config("testnet", id="binance", endpoint="http://127.0.0.1:9")).mode is Mode.TESTNET


@pytest.mark.parametrize(
    ("mode", "exchange", "words"),
    [
        ("practice", {"sed": 3}, r"`sed` is unknown in mode practice\. Did you mean `seed`\?"),
        ("practice", {"id": "binance"}, "set mode = 'paper'"),
        ("practice", {"id": "replay"}, "`bars` is missing"),
        ("practice", {"speed": "fast"}, "speed = 'fast' is not allowed"),
        ("practice", {"speed": True}, "speed = True is not allowed"),
        ("practice", {"cash": -1}, "cash|amount|-1"),
        ("paper", {}, "`id` is missing"),
        ("paper", {"id": "binance", "seed": 3}, "`seed` is unknown in mode paper"),
        ("paper", {"id": "binanc"}, "Did you mean `binance`"),
        ("live", {"id": "binance", "endpoint": "http://127.0.0.1:9"}, "`endpoint` is unknown in mode live"),
        ("testnet", {"id": "binance", "api_key": "x"}, "is a secret"),
        ("testnet", {"id": "binance", "secret": "x"}, "is a secret"),
    ],
)
def test_what_is_not_allowed_is_named(mode, exchange, words, keys):
    with pytest.raises(ConfigError, match=words):
        make_exchange(config(mode, **exchange))


def test_a_secret_in_a_file_is_not_repeated():
    with pytest.raises(ConfigError) as raised:
        check_exchange(config("testnet", id="binance", api_key="hunter2hunter2"))
    assert "hunter2" not in str(raised.value)


def test_an_account_is_its_exchange_its_mode_and_its_key(keys, monkeypatch):
    mine = account_of(config("live", id="binance"))
    assert mine == account_of(config("live", id="binance", timeout=3)) != ""
    assert mine != account_of(config("testnet", id="binance"))
    assert "key-of-mine" not in mine
    monkeypatch.setenv("KRAKEN_API_KEY", KEYS["BINANCE_API_KEY"])
    assert mine != account_of(config("live", id="kraken"))
    monkeypatch.setenv("BINANCE_API_KEY", "another")
    assert mine != account_of(config("live", id="binance"))


def test_play_money_of_two_servers_is_two_accounts(keys):
    first, second = (account_of(config("testnet", id="binance", endpoint=f"http://127.0.0.1:{n}")) for n in (1, 2))
    assert first != second


def test_simulated_money_is_shared_with_nobody(keys):
    assert account_of(config()) == account_of(config("paper", id="binance")) == ""
