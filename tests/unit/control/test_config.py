"""Configurations: what is allowed, and what is said about what is not."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from cryptobot.control.config import BotConfig
from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.sizing import FixedQuote, FractionOfEquity

WHOLE = """
name = "btc-trend"
mode = "paper"
symbol = "BTC/USDT"
timeframe = "1m"
journal = "my.sqlite"
keep_bars = 5000
sizing = 0.5

[exchange]
id = "binance"
cash = 5000

[strategy]
name = "strategies/mine.py:Mine"

[strategy.params]
fast = 12

[limits]
max_order_value = 500
stop_loss = 0.05

[alerts.log]
level = "warning"

[server]
port = 0
"""
LEAST = {"name": "a", "mode": "practice", "strategy": {"name": "ma_crossover"}}


def test_a_whole_file_is_read_and_its_paths_are_taken_from_its_folder(tmp_path):
    (tmp_path / "bot.toml").write_text(WHOLE, "utf-8")
    config = BotConfig.read(tmp_path / "bot.toml")
    assert (config.name, config.mode, config.symbol, config.timeframe) == ("btc-trend", "paper", "BTC/USDT", "1m")
    assert config.strategy.name == f"{tmp_path / 'strategies' / 'mine.py'}:Mine"
    assert config.strategy.params == {"fast": 12}
    assert config.journal == str(tmp_path / "my.sqlite")
    assert config.keep_bars == 5_000
    assert config.limits_made() == Limits(max_order_value=500, stop_loss=Decimal("0.05"))
    assert config.sizing_made() == FractionOfEquity(0.5)
    assert config.alerts == {"log": {"level": "warning"}}
    assert config.server is not None
    assert config.server.port == 0


def test_what_is_written_down_for_a_process_is_read_as_it_was(tmp_path):
    (tmp_path / "bot.toml").write_text(WHOLE, "utf-8")
    config = BotConfig.read(tmp_path / "bot.toml")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "bot.json").write_text(json.dumps(config.plain()), "utf-8")
    assert BotConfig.read(tmp_path / "elsewhere" / "bot.json") == config


def test_the_least_that_must_be_said():
    config = BotConfig.of(LEAST)
    assert config.limits_made() is None
    assert config.sizing_made() is None
    assert BotConfig.of({**LEAST, "sizing": {"quote": 100}}).sizing_made() == FixedQuote(100)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timefram": "1m"}, r"`timefram` is unknown\. Did you mean `timeframe`\?"),
        ({"strategy": {"nam": "x"}}, r"`strategy\.nam` is unknown\. Did you mean `name`\?"),
        ({"server": {"prot": 1}}, r"`server\.prot` is unknown\. Did you mean `port`\?"),
        ({"server": {"port": 70_000}}, r"`server\.port`"),
        ({"limits": {"max_order_valu": 5}}, r"limits: `max_order_valu` is unknown\. Did you mean `max_order_value`\?"),
        ({"limits": {"max_order_value": -5}}, "max_order_value = -5 is not allowed"),
        ({"limits": {"max_order_value": float("nan")}}, "max_order_value"),
        ({"limits": {"max_daily_loss": float("inf")}}, "max_daily_loss"),
        ({"limits": {"stop_loss": 1}}, "stop_loss = 1 is not allowed"),
        ({"limits": {"stop_loss": 1.5}}, "stop_loss = 1.5 is not allowed"),
        ({"limits": {"max_open_orders": 0.5}}, "max_open_orders"),
        ({"mode": "Live"}, "`mode` is 'Live'. Did you mean `live`.* Allowed: `practice`, `paper`, `testnet`, `live`"),
        ({"server": {"port": 99_999}}, "`server.port` is 99999: Input should be less than or equal to 65535"),
        ({"mode": 7}, "`mode`"),
        ({"name": ""}, "name: '' is not allowed"),
        ({"name": "../etc"}, "name: '../etc' is not allowed"),
        ({"name": "a" * 65}, "is not allowed"),
        ({"name": 7}, "`name`: give a text"),
        ({"sizing": "all"}, "`sizing`"),
        ({"sizing": 0}, "fraction: 0.* is not allowed"),
        ({"sizing": 1.5}, "fraction: 1.5 is not allowed"),
        ({"sizing": {"quote": -1}}, "amount: -1"),
        ({"sizing": {"base": 1}}, "sizing: .*base.* is not allowed"),
        ({"timeframe": "7x"}, "7x"),
        ({"exchange": "binance"}, "`exchange`: give a table"),
        ({"strategy": {}}, "`strategy.name` is missing"),
        ({"alerts": {"slack": 1}}, "`alerts.slack`: give a table"),
        ({"keep_bars": 0}, "keep_bars: 0 is not allowed. Give a whole number of at least 1, or keep_bars = 'all'"),
        ({"keep_bars": True}, "keep_bars: True is not allowed"),
        ({"keep_bars": 1e6}, "keep_bars: 1000000.0 is not allowed"),
        ({"keep_bars": "al"}, "keep_bars: 'al' is not allowed"),
        ({"keep_bar": 5}, r"`keep_bar` is unknown\. Did you mean `keep_bars`\?"),
    ],
)
def test_what_is_not_allowed_is_named(changes, words):
    with pytest.raises(ConfigError, match=words):
        BotConfig.of({**LEAST, **changes})


@pytest.mark.parametrize("name", LEAST)
def test_what_is_missing_is_named(name):
    with pytest.raises(ConfigError, match=f"`{name}`: it is missing"):
        BotConfig.of({key: value for key, value in LEAST.items() if key != name})


def test_real_money_takes_no_strategy_by_value():
    with pytest.raises(ConfigError, match="Save it in a file"):
        BotConfig.of({"name": "a", "mode": "live", "strategy": {"by_value": "x"}})


@pytest.mark.parametrize(
    ("content", "words"), [(b"name = ", "not valid TOML"), (b"\xff\xfe", "not valid TOML"), (None, "cannot be read")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, words):
    path = tmp_path / "bot.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        BotConfig.read(path)


def test_what_real_money_asks_for_is_read_and_what_is_gone_without_is_said_in_code_only(tmp_path):
    values = {**LEAST, "mode": "live", "gate": {"paper_time": "3d", "journals": ["old"]}}
    gate = BotConfig.of(values).gate_made()
    assert gate is not None
    assert gate.paper_seconds == 3 * 86_400
    values["gate"] = {"paper_time": "3d", "override": {"paper_session": "it ran elsewhere"}}
    assert BotConfig.of(values).gate_made().override == {"paper_session": "it ran elsewhere"}
    path = tmp_path / "bot.toml"
    path.write_text(
        "name = 'a'\nmode = 'live'\n[strategy]\nname = 'ma_crossover'\n[exchange]\nid = 'binance'\n"
        "[gate]\npaper_time = '3d'\noverride = {paper_session = 'it ran elsewhere'}\n"
    )
    with pytest.raises(ConfigError, match=r"`gate\.override` is not allowed in a file"):
        BotConfig.read(path)
    with pytest.raises(ConfigError, match=r"paper_time: 'soon' is not a length"):
        BotConfig.of({**values, "gate": {"paper_time": "soon"}})


def test_a_secret_in_the_wrong_place_is_not_repeated():
    with pytest.raises(ConfigError, match=r"`watch\.heartbeat`") as caught:
        BotConfig.of({**LEAST, "watch": {"heartbeat": "https://watcher.example/secret"}})
    assert "secret" not in str(caught.value)
