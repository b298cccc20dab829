"""Every route keeps what the OpenAPI document says of it; jsonschema, not the server, is the judge."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_server.http import endpoint
from mcp_server.memory import BotRecord, MemoryBackend
from mcp_server.models.bot import BotStatus
from mcp_server.models.market import Tick
from mcp_server.rest.table import ROUTES
from mcp_server.server import PriceServer

SLOW = {"/shutdown"}  # ends the server: held by the tests of its life


@pytest.fixture
def document(server: PriceServer, ask: Any) -> dict[str, Any]:
    reply = ask(server, "GET", "/openapi.json")
    assert reply.status == 200
    return reply.json


def check(document: dict[str, Any], operation: dict[str, Any], reply: Any) -> None:
    """Hold an answer against the document."""
    declared = operation["responses"]
    assert str(reply.status) in declared, (reply.status, reply.body)
    ((media, content),) = declared[str(reply.status)]["content"].items()
    if media == "text/plain":
        assert reply.headers["content-type"].split(";")[0] == media
        return
    shape = content["schema"]
    schema = {**shape, "components": document["components"]}
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(reply.json)
    assert reply.headers["content-type"] == media == "application/json"


def test_the_document_describes_every_route(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}
    references = [node["$ref"] for node in nodes(document) if "$ref" in node]
    assert references
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        jsonschema.Draft202012Validator.check_schema(found)
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)
    assert document["openapi"] == "3.1.0"


def nodes(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(node for child in value.values() for node in nodes(child))]
    return [node for child in value for node in nodes(child)] if isinstance(value, list) else []


EXAMPLES: list[tuple[str, str, Any]] = [
    ("GET", "/health", None),
    ("GET", "/symbols", None),
    ("GET", "/price/BTC-USDT", None),
    ("GET", "/price/btc%2Fusdt", None),
    ("GET", "/prices", None),
    ("GET", "/ohlcv/BTC-USDT", None),
    ("GET", "/ohlcv/BTC-USDT?timeframe=1m&limit=500&end=2024-01-01T01:00:00Z", None),
    ("GET", "/ohlcv/ETH-BTC?timeframe=1h", None),
    ("GET", "/indicators/BTC-USDT?names=sma,close&limit=200", None),
    ("GET", "/bot-status", None),
    ("GET", "/bot-status?bot=demo", None),
    ("GET", "/bot-logs?limit=10&level=error", None),
    ("GET", "/price-feed?limit=50", None),
    ("GET", "/trades?limit=200&cursor=50", None),
    ("GET", "/performance?period=7d", None),
    ("GET", "/explain", None),
    ("GET", "/metrics", None),
    ("GET", "/strategies", None),
    ("GET", "/backtests?ids=kept1,kept2", None),
    ("GET", "/backtests/kept1", None),
    ("POST", "/backtests", {"symbol": "BTC-USDT", "strategy": "ma_crossover", "timeframe": "1m", "fee": 0}),
    ("POST", "/frontend-error", {"message": "x is undefined", "source": "panel.js", "line": 3, "stack": "at f"}),
    ("GET", "/bot-control", None),
    ("POST", "/bot-control", {}),
    ("POST", "/stop-bot", {"bot": "demo"}),
    ("POST", "/set-strategy", {"strategy": "slow", "parameters": {"fast": 3}}),
]


def test_there_is_an_example_of_every_route() -> None:
    paths = [(method, path.partition("?")[0].split("/")) for method, path, _ in EXAMPLES]
    have = {(method, len(parts), parts[1]) for method, parts in paths}
    for route in ROUTES:
        if route.path not in SLOW:
            assert (route.method, len(route.path.split("/")), route.path.split("/")[1]) in have, route.path


@pytest.mark.parametrize(("method", "path", "content"), EXAMPLES, ids=lambda v: v if isinstance(v, str) else "")
def test_right_requests_get_what_is_documented(
    server: PriceServer, ask: Any, document: dict[str, Any], method: str, path: str, content: Any
) -> None:
    reply = ask(server, method, path, content, token="control")
    assert reply.status == 200, reply.body
    check(document, operation_of(document, method, path), reply)


def operation_of(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    parts = path.split("?", maxsplit=1)[0].split("/")
    for known, methods in document["paths"].items():
        shape = known.split("/")
        same = len(shape) == len(parts) and all(a == b or a.startswith("{") for a, b in zip(shape, parts, strict=True))
        if same and method.lower() in methods:
            return methods[method.lower()]
    raise AssertionError(f"{method} {path} is not documented")


BAD: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/price/BTC-USD", None, 404, "Did you mean `BTC/USDT`?"),
    ("GET", "/price/DOGE-EUR", None, 404, "Known: `BTC/USDT`, `ETH/BTC`, `ETH/USDT`"),
    ("GET", "/price/" + "A" * 41, None, 400, "at most 40 characters"),
    ("GET", "/price/%00", None, 404, "is unknown"),
    ("GET", "/price/BTC-USDT?limit=3", None, 400, "`limit` is unknown"),
    ("GET", "/ohlcv/BTC-USDT?limit=0", None, 400, "greater than or equal to 1"),
    ("GET", "/ohlcv/BTC-USDT?limit=99999999999999999999", None, 400, "less than or equal to 500"),
    ("GET", "/ohlcv/BTC-USDT?limit=abc", None, 400, "valid integer"),
    ("GET", "/ohlcv/BTC-USDT?limit=1&limit=2", None, 400, "given twice"),
    ("GET", "/ohlcv/BTC-USDT?limt=1", None, 400, "Did you mean `limit`?"),
    ("GET", "/ohlcv/BTC-USDT?timeframe=2m", None, 404, "Known: `1h`, `1m`"),
    ("GET", "/ohlcv/BTC-USDT?end=yesterday", None, 400, "`end`"),
    ("GET", "/ohlcv/BTC-USDT?symbol=ETH-USDT&limit=x", None, 400, "`limit`"),
    ("GET", "/indicators/BTC-USDT", None, 400, "`names`"),
    ("GET", "/indicators/BTC-USDT?names=smaa", None, 404, "Did you mean `sma`?"),
    ("GET", "/bot-status?bot=dmeo", None, 404, "Did you mean `demo`?"),
    ("GET", "/bot-logs?level=loud", None, 400, "'debug', 'info', 'warning' or 'error'"),
    ("GET", "/performance?period=1y", None, 400, "'1d', '7d', '30d' or 'all'"),
    ("GET", "/trades?cursor=-1", None, 400, "`cursor`"),
    ("GET", "/backtests?ids=kept1", None, 400, "at least 2"),
    ("GET", "/backtests?ids=kept1,nope", None, 404, "Known: `kept1`, `kept2`"),
    ("GET", "/backtests/nope", None, 404, "Known"),
    ("POST", "/backtests", {"symbol": "BTC-USDT", "strategy": "ma_cros", "timeframe": "1m"}, 404, "Did you mean"),
    ("POST", "/backtests", {"symbol": "BTC-USDT"}, 400, "`strategy`"),
    ("POST", "/backtests", {"symbol": "BTC-USDT", "strategy": "slow", "fee": 1}, 400, "less than 1"),
    ("POST", "/backtests", {"symbol": "BTC-USDT", "strategy": "slow", "fee": "NaN"}, 400, "valid number"),
    ("POST", "/backtests", {"symbol": "BTC-USDT", "strategy": "slow", "api_key": "x"}, 400, "`api_key` is unknown"),
    (
        "POST",
        "/backtests",
        {"symbol": "BTC-USDT", "strategy": "slow", "timeframe": "1m", "start": "2024-02-01", "end": "2024-01-01"},
        400,
        "not before",
    ),
    ("POST", "/backtests", {"symbol": "BTC-USDT", "strategy": "slow", "start": 10**40}, 400, "`start`"),
    (
        "POST",
        "/backtests",
        {"symbol": "BTC-USDT", "strategy": "slow", "start": 10**18, "timeframe": "9s"},
        404,
        "Known",
    ),
    ("GET", "/ohlcv/BTC-USDT?end=0001-01-01T00:00:00%2B14:00", None, 400, "`end`"),
    ("POST", "/backtests", {"symbol": "BTC-USDT", "strategy": "refusing", "timeframe": "1m"}, 400, "later start"),
    ("POST", "/frontend-error", {"message": "x" * 2_001}, 400, "at most 2000"),
    ("POST", "/set-strategy", {"strategy": "sloww"}, 404, "Did you mean `slow`?"),
    ("POST", "/bot-control", {"bot": 5}, 400, "valid string"),
    ("POST", "/stop-bot", {"bto": "demo"}, 400, "Did you mean `bot`?"),
]


@pytest.mark.parametrize(("method", "path", "content", "status", "words"), BAD, ids=lambda v: str(v)[:40])
def test_bad_requests_are_told_what_is_allowed(
    server: PriceServer,
    ask: Any,
    document: dict[str, Any],
    method: str,
    path: str,
    content: Any,
    status: int,
    words: str,
) -> None:
    reply = ask(server, method, path, content, token="control")
    assert reply.status == status, reply.body
    assert words in reply.json["error"]["message"], reply.json
    assert len(reply.body) < 3_000
    check(document, operation_of(document, method, path), reply)


def generated(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a parameter's schema, and values that do not."""
    numbers = st.integers(schema.get("minimum", -(10**6)), schema.get("maximum", 10**6))
    by_type: dict[str, st.SearchStrategy[Any]] = {
        "integer": numbers,
        "string": st.sampled_from(["BTC-USDT", "demo", "1m", "kept1", "2024-01-01T00:00:00Z", "all", "info"]),
        "array": st.sampled_from(["sma", "sma,close", "kept1,kept2"]),
    }
    fits = (
        st.sampled_from(schema["enum"])
        if "enum" in schema
        else by_type.get(schema.get("type", ""), st.text(max_size=20))
    )
    return st.one_of(fits, fits, fits, st.text(max_size=60), st.integers(), st.floats(), st.just("null"))


def test_whatever_is_asked_the_answer_is_documented(server: PriceServer, ask: Any, document: dict[str, Any]) -> None:
    """Arguments made from the document, right and wrong ones, for every route that only shows something."""
    operations = [(path, methods["get"]) for path, methods in sorted(document["paths"].items()) if "get" in methods]

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data: Any) -> None:
        path, operation = data.draw(st.sampled_from(operations))
        query = []
        for parameter in operation["parameters"]:
            value = quote(str(data.draw(generated(parameter["schema"]))), safe="")
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", value or "x")
            elif parameter["required"] or data.draw(st.booleans()):
                query.append(f"{parameter['name']}={value}")
        reply = ask(server, "GET", path + ("?" + "&".join(query) if query else ""))
        if reply.status == 404 and reply.json["error"]["code"] == "no_route":
            return  # a path such as /price/. or /price/..
        check(document, operation, reply)

    run()


# -- what the answers say ---------------------------------------------------------------------------------------------


def test_a_price_carries_source_time_and_age(server: PriceServer, ask: Any, backend: MemoryBackend) -> None:
    backend.put_price(Tick("BTC/USDT", 61_000.25, 1_704_067_200_123_456_789, "binance", change_24h_pct=-1.5))
    found = ask(server, "GET", "/price/BTC-USDT").json
    age = found.pop("age_s")
    assert found == {
        "symbol": "BTC/USDT",
        "price": 61_000.25,
        "bid": None,
        "ask": None,
        "change_24h_pct": -1.5,
        "source": "binance",
        "time": "2024-01-01T00:00:00.123Z",
    }
    now = dt.datetime.now(dt.UTC).timestamp()
    assert age == pytest.approx(now - 1_704_067_200.123, abs=60)


def test_a_clock_that_is_ahead_gives_no_negative_age(server: PriceServer, ask: Any, backend: MemoryBackend) -> None:
    backend.put_price(Tick("BTC/USDT", 1.0, 4_000_000_000_000_000_000, "binance"))
    assert ask(server, "GET", "/price/BTC-USDT").json["age_s"] == 0.0


def test_candles_can_be_paged_back_to_the_first(server: PriceServer, ask: Any) -> None:
    seen: list[str] = []
    end = None
    for _ in range(10):
        query = f"?limit=70{'' if end is None else '&end=' + quote(end)}"
        page = ask(server, "GET", f"/ohlcv/BTC-USDT{query}").json
        assert len({len(page[name]) for name in ("time", "open", "high", "low", "close", "volume")}) == 1
        seen = page["time"] + seen
        end = page["next_end"]
        if end is None:
            break
    assert len(seen) == 600
    assert seen == sorted(set(seen))


def test_trades_can_be_paged(server: PriceServer, ask: Any) -> None:
    times, cursor = [], ""
    while cursor is not None:
        page = ask(server, "GET", f"/trades?limit=50{'&cursor=' + cursor if cursor else ''}").json
        times += [trade["entry_time"] for trade in page["trades"]]
        cursor = page["next_cursor"]
    assert len(times) == 120
    assert times == sorted(times, reverse=True)


BOT_PATHS = ("/bot-status", "/bot-logs", "/price-feed", "/trades", "/performance", "/explain", "/bot-control")


@pytest.mark.parametrize("path", BOT_PATHS)
def test_every_answer_about_a_bot_names_bot_and_mode(server: PriceServer, ask: Any, path: str) -> None:
    found = ask(server, "GET", path).json
    assert (found["bot"], found["mode"]) == ("demo", "practice")


def test_several_bots_must_be_named(server: PriceServer, ask: Any, backend: MemoryBackend) -> None:
    first = asyncio.run(backend.bot_status("demo"))
    backend.put_bot(BotRecord(first.model_copy(update={"bot": "second", "mode": "live"})))
    reply = ask(server, "GET", "/bot-status")
    assert (reply.status, reply.json["error"]["allowed"]) == (404, ["demo", "second"])
    found = ask(server, "GET", "/bot-status?bot=second").json
    assert (found["mode"], found["bots"], found["control_allowed"]) == ("live", ["demo", "second"], True)


def test_no_bot_at_all_is_told(make_server: Any, ask: Any) -> None:
    reply = ask(make_server(MemoryBackend()), "GET", "/bot-status")
    assert (reply.status, reply.json["error"]["code"]) == (503, "unavailable")


def test_starting_and_stopping(server: PriceServer, ask: Any) -> None:
    assert ask(server, "POST", "/bot-control", {}, token="control").json["state"] == "running"
    assert ask(server, "GET", "/bot-control").json["actions"] == ["POST /stop-bot"]
    refused = ask(server, "POST", "/set-strategy", {"strategy": "slow"}, token="control")
    assert (refused.status, "Stop it first" in refused.json["error"]["message"]) == (400, True)
    assert ask(server, "POST", "/stop-bot", {}, token="control").json["state"] == "stopped"
    changed = ask(
        server, "POST", "/set-strategy", {"strategy": "slow", "parameters": {"fast": 2}}, token="control"
    ).json
    assert (changed["strategy"], changed["parameters"]) == ("slow", {"fast": 2})


@pytest.mark.parametrize("mode", ["testnet", "live"])
def test_what_a_real_exchange_takes_is_not_started_over_the_network(
    server: PriceServer, ask: Any, backend: MemoryBackend, mode: str
) -> None:
    status = asyncio.run(backend.bot_status("demo")).model_copy(update={"mode": mode})
    backend.put_bot(BotRecord(status))
    assert ask(server, "GET", "/bot-control").json["actions"] == []
    for path, content in (("/bot-control", {}), ("/set-strategy", {"strategy": "slow"})):
        reply = ask(server, "POST", path, content, token="control")
        assert (reply.status, f"mode {mode}" in reply.json["error"]["message"]) == (403, True)
    assert ask(server, "POST", "/stop-bot", {}, token="control").status == 200  # the safe direction is always open


def test_the_page_escapes_what_it_shows(server: PriceServer, ask: Any, backend: MemoryBackend) -> None:
    status = asyncio.run(backend.bot_status("demo")).model_copy(update={"strategy": "<script>alert(1)</script>"})
    backend.put_bot(BotRecord(status))
    reply = ask(server, "GET", "/bot-control", headers={"Accept": "text/html,application/xhtml+xml"})
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert b"<script>" not in reply.body
    assert b"&lt;script&gt;" in reply.body
    assert b"cryptobot dashboard demo" in reply.body


def test_errors_of_a_page_reach_the_log_on_one_line(server: PriceServer, ask: Any) -> None:
    content = {"message": "boom\nERROR forged\x00", "source": "panel.js", "line": 7, "stack": "at f\nat g"}
    assert ask(server, "POST", "/frontend-error", content).json == {"noted": True}
    line = ask(server, "GET", "/bot-logs?limit=1&level=error").json["lines"][0]
    assert line["text"] == "page: boom ERROR forged  (panel.js:7) | at f at g"


def test_progress_comes_line_by_line_before_the_report(server: PriceServer, ask: Any) -> None:
    content = {"symbol": "BTC-USDT", "strategy": "ma_crossover", "timeframe": "1m"}
    reply = ask(server, "POST", "/backtests", content, headers={"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in reply.body.splitlines()]
    assert [line["type"] for line in lines] == ["progress"] * 10 + ["report"]
    assert [line["data"]["done"] for line in lines[:-1]] == [step / 10 for step in range(1, 11)]
    assert lines[-1]["data"]["summary"]["id"] == "bt1"
    refused = ask(
        server, "POST", "/backtests", {**content, "strategy": "x"}, headers={"Accept": "application/x-ndjson"}
    )
    assert refused.status == 404


def test_backtests_are_limited(make_server: Any, wide: Any, ask: Any, backtests: Any, eventually: Any) -> None:
    import threading

    server = make_server(limits=wide(backtests=1))
    slow = {"symbol": "BTC-USDT", "strategy": "slow", "timeframe": "1m"}
    first = threading.Thread(target=lambda: ask(server, "POST", "/backtests", slow))
    first.start()
    assert backtests.started.wait(10)
    reply = ask(server, "POST", "/backtests", slow)
    assert (reply.status, reply.json["error"]["code"]) == (429, "busy")
    backtests.gate.set()
    first.join(10)
    assert ask(server, "POST", "/backtests", {**slow, "strategy": "ma_crossover"}).status == 200


def test_a_backtest_that_takes_too_long_is_ended(make_server: Any, wide: Any, ask: Any, backtests: Any) -> None:
    server = make_server(limits=wide(backtest_seconds=0.05, backtests=1))
    slow = {"symbol": "BTC-USDT", "strategy": "slow", "timeframe": "1m"}
    for _ in range(2):  # the place is free again
        reply = ask(server, "POST", "/backtests", slow)
        assert (reply.status, "was ended" in reply.json["error"]["message"]) == (400, True)
    assert backtests.cancelled.is_set()


def test_what_was_not_foreseen_is_answered_with_a_number(
    server: PriceServer, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(endpoint.LOGGER, "error", lambda text, *words: lines.append(text % words))
    content = {"symbol": "BTC-USDT", "strategy": "broken", "timeframe": "1m"}
    reply = ask(server, "POST", "/backtests", content)
    assert reply.status == 500
    assert b"s3cret" not in reply.body
    number = reply.json["error"]["message"].split()[-1].rstrip(".")
    [line] = lines
    assert line.startswith(f"failure {number}\nTraceback")


def test_a_status_that_is_wrong_never_gets_out(server: PriceServer, ask: Any, backend: MemoryBackend) -> None:
    """Not a number is not JSON: a backend cannot make such an answer."""
    with pytest.raises(ValueError, match="finite"):
        BotStatus(bot="x", mode="paper", state="running", symbol="a", timeframe="1m", strategy="s", equity=float("nan"))
    backend.put_price(Tick("BTC/USDT", float("nan"), 0, "x"))
    assert ask(server, "GET", "/price/BTC-USDT").json["price"] is None
