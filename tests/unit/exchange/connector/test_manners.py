"""Bans, limits, clock, redaction, arguments: what keeps a connection safe and welcome."""

from __future__ import annotations

import asyncio

import pytest

from cryptobot.core.clock import SimulatedClock, SystemClock
from cryptobot.core.errors import AuthError, ConfigError
from cryptobot.core.secrecy import Redactor
from cryptobot.exchange.connector.bans import Gate, PausedError, gate_of
from cryptobot.exchange.connector.calls import Call
from cryptobot.exchange.connector.clock import ServerClock
from cryptobot.exchange.connector.exchange import CcxtExchange

READ, ORDER, CANCEL = (
    ("GET", "/api/v3/klines"),
    ("POST", "/api/v3/order"),
    ("DELETE", "/api/v3/order"),
)


def answer(status=200, **headers):
    made = Call(*READ)
    made.status = status
    made.headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return made


def passes(gate, what):
    try:
        gate.enter(Call(*what))
    except PausedError:
        return False
    return True


@pytest.mark.parametrize(("status", "headers", "seconds"), [
    (429, {"retry_after": 30}, 30.1),
    (429, {}, 60),
    (418, {"retry_after": 120}, 120.1),
    (418, {}, 180),
    (429, {"retry_after": "soon"}, 60),
])  # fmt: skip
def test_a_ban_is_kept_for_as_long_as_was_asked(status, headers, seconds):
    clock = SimulatedClock()
    gate = Gate("binance", clock)
    assert passes(gate, READ)
    gate.saw(answer(status, **headers))
    assert gate.seconds == pytest.approx(seconds)
    assert not any(passes(gate, what) for what in (READ, ORDER, CANCEL))
    clock.advance(seconds - 0.2)
    assert not passes(gate, CANCEL)
    clock.advance(0.3)
    assert passes(gate, READ)


def test_a_shorter_pause_does_not_end_a_longer_one():
    gate = Gate("binance", SimulatedClock())
    gate.saw(answer(418, retry_after=600))
    gate.saw(answer(429, retry_after=1))
    assert gate.seconds > 599


@pytest.mark.parametrize(("used", "allowed"), [(4700, "roc"), (4800, "oc"), (5699, "oc"), (5700, "c"), (6000, "c")])
def test_headroom_is_left_for_orders_and_then_for_cancels(used, allowed):
    clock = SimulatedClock(30_000_000_000)
    gate = Gate("binance", clock)
    gate.saw(answer(x_mbx_used_weight_1m=used))
    assert "".join(c for c, what in zip("roc", (READ, ORDER, CANCEL), strict=True) if passes(gate, what)) == allowed
    clock.advance(30)
    assert passes(gate, READ)


def test_everybody_in_a_process_shares_a_servers_limits():
    clock = SystemClock()
    assert gate_of("binance", "one.example", clock) is gate_of("binance", "one.example", SystemClock())
    assert gate_of("binance", "one.example", clock) is not gate_of("binance", "two.example", clock)


def server_clock(local, server, **options):
    async def ask():
        local.advance(0.2)  # there
        shown = server()
        local.advance(0.2)  # and back
        return shown

    return ServerClock(ask, local, "binance", strict=options.get("strict", True))


def test_the_exchanges_time_is_kept_through_a_jump_of_this_computers():
    local = SimulatedClock(1_000_000_000_000)
    clock = server_clock(local, lambda: local.now() + 5_000_000_000)
    asyncio.run(clock.now())
    assert clock.skew == pytest.approx(5.0)
    assert clock.estimate() == local.now() + 5_000_000_000
    real = local.now
    local.now = lambda: real() + 86_400_000_000_000  # somebody sets the computer's clock
    local.advance(10)
    assert clock.estimate() == real() + 5_000_000_000


@pytest.mark.parametrize(("seconds", "word"), [(90, "behind"), (-90, "ahead of")])
def test_a_computer_whose_clock_is_wrong_is_told_so(seconds, word):
    local = SimulatedClock(10**15)
    clock = server_clock(local, lambda: local.now() + seconds * 10**9)
    with pytest.raises(ConfigError, match=word):
        asyncio.run(clock.now())
    asyncio.run(server_clock(local, lambda: local.now() + seconds * 10**9, strict=False).now())


def test_the_time_is_asked_again_after_an_hour():
    local = SimulatedClock()
    clock = server_clock(local, local.now)
    assert clock.due
    asyncio.run(clock.now())
    local.advance(3599)
    assert not clock.due
    local.advance(2)
    assert clock.due


SECRET = "Zm9vYmFyYmF6cXV4"


@pytest.mark.parametrize(
    "text",
    [
        "GET https://api.binance.com/api/v3/account?timestamp=17&recvWindow=5000&signature=abcdef0123",
        "timestamp=1700000000000&signature=deadbeef failed",
        f"X-MBX-APIKEY {SECRET}",
        "{'apiKey': 'visible-key', 'x': 1}",
        '{"params": {"apiKey":"visible-key","signature":"deadbeef"}}',
        "wss://host/ws?listenKey=pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6",
        "{'API-Key': 'visible-key', 'API-Sign': 'deadbeef=='}",
        "{'Authorization': 'Bearer visible-key'}",
    ],
)
def test_nothing_secret_stays_in_a_text(text):
    clean = Redactor([SECRET]).text(text)
    for word in (SECRET, "abcdef0123", "deadbeef", "visible-key", "pqia91", "1700000000000"):
        assert word not in clean
    assert "…" in clean


def test_an_exception_is_scrubbed_with_all_that_caused_it():
    error = RuntimeError(f"outer signature=abc {SECRET}")
    error.__cause__ = ValueError(f"inner {SECRET}")
    Redactor([SECRET]).scrub(error)
    assert SECRET not in str(error) + str(error.__cause__)
    assert "abc" not in str(error)


@pytest.mark.parametrize(
    ("options", "problem", "words"),
    [
        ({"id": "binanse"}, ConfigError, "binance"),
        ({"mode": "life"}, ConfigError, "live"),
        ({"api_key": "k"}, ConfigError, "together"),
        ({"api_key": "k", "secret": "s"}, ConfigError, "whose money"),
        ({"id": "kraken", "mode": "testnet"}, ConfigError, "no test network"),
        ({"mode": "live"}, AuthError, "BINANCE_API_KEY"),
        ({"id": "kraken", "mode": "live"}, AuthError, "KRAKEN_API_SECRET"),
        ({"endpoint": "127.0.0.1:80"}, ConfigError, "endpoint"),
        ({"endpoint": "http://example.com"}, ConfigError, "unencrypted"),
        ({"endpoint": "http://127.0.0.1:1/api"}, ConfigError, "endpoint"),
        ({"endpoint": "http://127.0.0.1:1", "mode": "live"}, ConfigError, "no live exchange"),
        ({"recv_window": 60_001}, ConfigError, "60,000"),
        ({"timeout": 0}, ConfigError, "timeout"),
        ({"buy_fee": "bnb"}, ConfigError, "buy_fee"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_reached(options, problem, words, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # no .env
    for name in ("BINANCE", "KRAKEN"):
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)
        monkeypatch.delenv(f"{name}_API_SECRET", raising=False)
    with pytest.raises(problem, match=words):
        CcxtExchange(**options)


def test_keys_come_from_the_environment_and_show_nowhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KRAKEN_API_KEY", "canary-key-0001")
    monkeypatch.setenv("KRAKEN_API_SECRET", "canary\\nsecret")
    exchange = CcxtExchange("kraken", mode="live")
    assert exchange._access.secret == "canary\nsecret"
    assert "canary" not in repr(exchange) + repr(exchange._access) + repr(vars(exchange))
    assert str(exchange.mode) == "live"


@pytest.mark.parametrize("id_", ["binance", "coinbase", "kraken"])
def test_nothing_that_is_not_spot_can_be_reached(id_):
    from cryptobot.exchange.connector.client import Access, make
    from cryptobot.exchange.connector.registry import quirks_of

    def leaves(node):
        return [leaf for part in node.values() for leaf in leaves(part)] if isinstance(node, dict) else [node]

    quirks = quirks_of(id_)
    for endpoint in (None, "http://127.0.0.1:4321"):
        access = Access(None, None, endpoint, False, 5000, 10.0)
        made = make(quirks, access, gate=Gate(id_), redactor=Redactor(), nonce=None, report=None)
        urls = leaves(made.urls["api"])
        allowed = (id_, "127.0.0.1:9/") if endpoint is None else ("127.0.0.1:4321", "127.0.0.1:9/")
        assert all(any(part in url for part in allowed) for url in urls), urls
        assert not any(word in url for url in urls for word in ("fapi", "dapi", "papi", "eapi", "fstream"))
        assert made.options["maxRetriesOnFailure"] == 0
        assert made.enableRateLimit
        assert not made.verbose
    if id_ == "binance":
        assert made.rateLimit == 75
        testnet = make(
            quirks,
            Access("k", "s", None, True, 5000, 10.0),
            gate=Gate(id_),
            redactor=Redactor(),
            nonce=None,
            report=None,
        )
        assert all("testnet" in url or "127.0.0.1:9/" in url for url in leaves(testnet.urls["api"]))


def test_an_exchange_that_can_too_little_is_refused():
    from cryptobot.exchange.connector.client import exchange_class
    from cryptobot.exchange.connector.quirks.base import Quirks

    made = exchange_class("binance")()
    made.has["fetchOHLCV"] = False
    with pytest.raises(ConfigError, match="fetchOHLCV"):
        Quirks("binance").require(made, orders=False)


def test_an_exchange_of_another_package_is_found_by_its_id():
    from cryptobot.exchange.connector.quirks.base import Quirks
    from cryptobot.exchange.connector.registry import exchanges, quirks_of

    assert type(quirks_of("bitstamp")) is Quirks
    assert {"binance", "coinbase", "kraken"} <= set(exchanges.names())
    with pytest.raises(ConfigError, match="Quirks"):
        exchanges.register("bitstamp")(object)
