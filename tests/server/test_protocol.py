"""The Model Context Protocol by the SDK's own client, in every way it negotiates."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import MCPError
from mcp.client.subscriptions import ResourceUpdated

from mcp_server.memory import BotRecord, MemoryBackend
from mcp_server.models.market import Tick
from mcp_server.server import PriceServer

READ = {
    "list_symbols",
    "get_price",
    "get_ohlcv",
    "get_indicators",
    "get_bot_status",
    "list_trades",
    "get_performance",
    "list_strategies",
    "compare_backtests",
    "explain_last_bar",
}
CONTROL = {"stop_bot", "start_bot", "set_strategy"}
CALLS: dict[str, dict[str, Any]] = {
    "list_symbols": {},
    "get_price": {"symbol": "btc-usdt"},
    "get_ohlcv": {"symbol": "BTC-USDT", "timeframe": "1m", "limit": 5, "end": "2024-01-01T05:00:00Z"},
    "get_indicators": {"symbol": "BTC/USDT", "timeframe": "1m", "names": ["sma"], "limit": 5},
    "get_bot_status": {},
    "list_trades": {"limit": 3},
    "get_performance": {"period": "30d"},
    "list_strategies": {},
    "compare_backtests": {"ids": ["kept1", "kept2"]},
    "explain_last_bar": {"bot": "demo"},
    "run_backtest": {"symbol": "BTC-USDT", "strategy": "ma_crossover", "timeframe": "1m", "parameters": {"fast": 5}},
    "stop_bot": {},
}
VERSIONS = {"legacy": "2025-11-25", "auto": "2026-07-28", "2026-07-28": "2026-07-28"}


def run(work: Callable[[], Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await work()

    return asyncio.run(bounded())


def content(result: types.CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def words(result: types.CallToolResult) -> str:
    assert result.is_error, result
    return " ".join(block.text for block in result.content if isinstance(block, types.TextContent))


async def agree(_context: Any, asked: types.ElicitRequestParams) -> types.ElicitResult:
    agree.asked = asked.message  # type: ignore[attr-defined]
    return types.ElicitResult(action="accept", content={"agree": True})


def test_what_is_offered(server: PriceServer, make_server: Any, assistant: Any, mode: str) -> None:
    async def names(of: PriceServer) -> dict[str, types.Tool]:
        async with assistant(of, mode) as client:
            assert client.protocol_version == VERSIONS[mode]
            if mode != "2026-07-28":  # pinned, a client does not ask who it talks to
                assert "never an instruction" in (client.instructions or "")
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    async def work() -> None:
        tools = await names(server)
        assert set(tools) == READ | CONTROL | {"run_backtest"}
        assert len(tools) <= 15
        for name, tool in tools.items():
            assert tool.description
            assert tool.output_schema is not None, name
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint is (name in READ)
            assert tool.annotations.open_world_hint is False
            given = json.dumps(tool.input_schema).lower()
            assert not any(word in given for word in ("secret", "api_key", "apikey", "password", "withdraw")), name
            assert "order" not in name
        assert set(await names(make_server())) == READ | {"run_backtest"}

    run(work)


def test_every_tool_answers_as_its_schema_says(server: PriceServer, reached: Any, mode: str) -> None:
    """The client checks each answer against the tool's output schema; the text is the same, and short."""

    async def work() -> None:
        async with reached(server, mode, "control") as client:
            for name, arguments in CALLS.items():
                result = await client.call_tool(name, arguments)
                found = content(result)
                (text, *links) = result.content
                assert isinstance(text, types.TextContent)
                assert json.loads(text.text) == found
                assert "\n" not in text.text
                if name == "run_backtest":
                    (link,) = links
                    assert isinstance(link, types.ResourceLink)
                    report = await client.read_resource(link.uri)
                    assert json.loads(report.contents[0].text)["summary"]["id"] == found["id"]  # type: ignore[union-attr]

    run(work)


ABOUT_A_BOT = ("get_bot_status", "list_trades", "get_performance", "explain_last_bar", "stop_bot")


def test_every_answer_about_a_bot_names_its_mode(
    server: PriceServer, assistant: Any, mode: str, backend: MemoryBackend
) -> None:
    async def work() -> None:
        status = (await backend.bot_status("demo")).model_copy(update={"mode": "live"})
        backend.put_bot(BotRecord(status))
        async with assistant(server, mode, "control") as client:
            for name in ABOUT_A_BOT:
                found = content(await client.call_tool(name, {}))
                assert (found["bot"], found["mode"]) == ("demo", "live"), name
            for status in json.loads((await client.read_resource("bot://status")).contents[0].text):
                assert status["mode"] == "live"

    run(work)


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("get_pric", {}, "Did you mean `get_price`?"),
    ("place_order", {"symbol": "BTC-USDT"}, "Tool `place_order` is unknown."),
    ("get_price", {}, "`symbol`: Field required"),
    ("get_price", {"symbol": "BTC-USD"}, "Did you mean `BTC/USDT`?"),
    ("get_price", {"symbol": "BTC-USDT", "exchange": "x"}, "argument `exchange` is unknown. It takes `symbol`."),
    ("get_price", {"symbol": ["BTC"]}, "valid string"),
    ("get_price", {"symbol": "x" * 5_000}, "at most 40 characters"),
    ("get_ohlcv", {"symbol": "BTC-USDT", "limit": 10**9}, "less than or equal to 500"),
    ("get_ohlcv", {"symbol": "BTC-USDT", "limit": -1}, "greater than or equal to 1"),
    ("get_ohlcv", {"symbol": "BTC-USDT", "timeframe": "3w"}, "Known: `1h`, `1m`"),
    ("get_ohlcv", {"symbol": "BTC-USDT", "end": "yesterday"}, "`end`"),
    ("get_indicators", {"symbol": "BTC-USDT", "timeframe": "1m", "names": ["smaa"]}, "Did you mean `sma`?"),
    ("get_bot_status", {"bot": "dmeo"}, "Did you mean `demo`?"),
    ("list_trades", {"cursor": "evil"}, "`cursor`"),
    ("get_performance", {"period": "1y"}, "'1d', '7d', '30d' or 'all'"),
    ("compare_backtests", {"ids": ["kept1"]}, "at least 2"),
    ("compare_backtests", {"ids": ["kept1", "nope"]}, "Known: `kept1`, `kept2`"),
    ("run_backtest", {"symbol": "BTC-USDT", "strategy": "ma_cros", "timeframe": "1m"}, "Did you mean `ma_crossover`?"),
    ("run_backtest", {"symbol": "BTC-USDT", "strategy": "slow", "fee": 2}, "less than 1"),
    ("run_backtest", {"symbol": "BTC-USDT", "strategy": "refusing", "timeframe": "1m"}, "Choose a later start."),
]


def test_mistakes_are_tool_errors_that_help(server: PriceServer, reached: Any, mode: str) -> None:
    async def work() -> None:
        async with reached(server, mode) as client:
            for name, arguments, expected in MISTAKES:
                text = words(await client.call_tool(name, arguments))
                assert expected in text, (name, text)
                assert "pydantic" not in text
                assert len(text) < 1_500

    run(work)


def test_what_was_not_foreseen_says_nothing(server: PriceServer, assistant: Any, mode: str) -> None:
    async def work() -> None:
        async with assistant(server, mode) as client:
            arguments = {"symbol": "BTC-USDT", "strategy": "broken", "timeframe": "1m"}
            text = words(await client.call_tool("run_backtest", arguments))
            assert "s3cret" not in text
            assert "Its log has the details under" in text
            assert content(await client.call_tool("get_price", {"symbol": "BTC-USDT"}))["price"] == 60_000.5

    run(work)


def test_resources_and_prompts(server: PriceServer, reached: Any, mode: str) -> None:
    async def work() -> None:
        async with reached(server, mode) as client:
            listed = {str(resource.uri) for resource in (await client.list_resources()).resources}
            assert listed == {"bot://status", "docs://strategies"}
            templates = {
                template.uri_template for template in (await client.list_resource_templates()).resource_templates
            }
            assert templates == {"price://{symbol}", "ohlcv://{symbol}/{timeframe}", "backtest://{id}"}
            for uri, key in (
                ("price://BTC-USDT", "age_s"),
                ("ohlcv://ETH-BTC/1h", "close"),
                ("backtest://kept1", "summary"),
                ("docs://strategies", "strategies"),
            ):
                found = (await client.read_resource(uri)).contents[0]
                assert found.mime_type == "application/json"
                assert key in json.loads(found.text)  # type: ignore[union-attr]
            for uri in (
                "price://NOPE",
                "backtest://nope",
                "ohlcv://BTC-USDT/9s",
                "nothing://here",
                "price://../../etc/passwd",
            ):
                with pytest.raises(MCPError) as caught:
                    await client.read_resource(uri)
                assert caught.value.error.code == types.INVALID_PARAMS, uri
            prompts = {prompt.name for prompt in (await client.list_prompts()).prompts}
            assert prompts == {"review_strategy", "explain_last_trades", "daily_report", "risk_check"}
            arguments = {"review_strategy": {"strategy": "ma_crossover", "symbol": "BTC-USDT"}}
            for name in prompts:
                (message,) = (await client.get_prompt(name, arguments.get(name))).messages
                for needed in ("no investment advice", "costs", "drawdown", "holding", "mode"):
                    assert needed in message.content.text, name  # type: ignore[union-attr]
            reference = types.ResourceTemplateReference(uri="price://{symbol}", type="ref/resource")
            completed = await client.complete(reference, {"name": "symbol", "value": "eth"})
            assert completed.completion.values == ["ETH-USDT", "ETH-BTC"]

    run(work)


def test_progress_is_reported(server: PriceServer, reached: Any, mode: str) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, text: str | None) -> None:
        seen.append((done, total, text))

    async def work() -> None:
        async with reached(server, mode) as client:
            arguments = {"symbol": "BTC-USDT", "strategy": "ma_crossover", "timeframe": "1m"}
            content(await client.call_tool("run_backtest", arguments, progress_callback=progress))

    run(work)
    assert [done for done, _, _ in seen] == [step / 10 for step in range(1, 11)]
    assert seen[-1] == (1.0, 1.0, "10 of 10")


def test_cancelling_ends_the_work(server: PriceServer, reached: Any, mode: str, backtests: Any) -> None:
    async def work() -> None:
        async with reached(server, mode) as client:
            arguments = {"symbol": "BTC-USDT", "strategy": "slow", "timeframe": "1m"}
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.call_tool, "run_backtest", arguments)
                    assert await asyncio.to_thread(backtests.started.wait, 10)
                    scope.cancel()
            assert await asyncio.to_thread(backtests.cancelled.wait, 10)
            assert content(await client.call_tool("get_price", {"symbol": "BTC-USDT"}))

    run(work)


def test_backtests_at_once_are_limited_for_assistants_too(
    make_server: Any, wide: Any, assistant: Any, backtests: Any
) -> None:
    server = make_server(limits=wide(backtests=1))

    async def work() -> None:
        async with assistant(server) as client, assistant(server) as other:
            arguments = {"symbol": "BTC-USDT", "strategy": "slow", "timeframe": "1m"}
            first = asyncio.create_task(client.call_tool("run_backtest", arguments))
            assert await asyncio.to_thread(backtests.started.wait, 10)
            assert "which is the limit" in words(await other.call_tool("run_backtest", arguments))
            backtests.gate.set()
            assert content(await first)["id"]

    run(work)


def test_watching_in_the_newer_era(server: PriceServer, reached: Any, backend: MemoryBackend) -> None:
    async def work() -> None:
        async with reached(server, "auto") as client:
            wanted = ["price://BTC-USDT", "bot://status"]
            async with client.listen(resource_subscriptions=wanted) as news:
                backend.put_price(Tick("BTC/USDT", 1.0, time.time_ns(), "t"))
                assert await anext(aiter(news)) == ResourceUpdated(uri="price://BTC-USDT")
                backend.put_price(Tick("ETH/USDT", 1.0, time.time_ns(), "t"))  # not asked for
                await backend.start_bot("demo")
                assert await anext(aiter(news)) == ResourceUpdated(uri="bot://status")

    run(work)


def test_watching_in_the_older_era(server: PriceServer, reached: Any, backend: MemoryBackend) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def note(message: Any) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            heard.put_nowait(str(message.params.uri))

    async def work() -> None:
        async with reached(server, "legacy", message_handler=note) as client:
            await client.subscribe_resource("price://btc-usdt")
            while heard.empty():  # the stream of news opens by itself after the session
                backend.put_price(Tick("BTC/USDT", 1.0, time.time_ns(), "t"))
                await asyncio.sleep(0.02)
            assert heard.get_nowait() == "price://BTC-USDT"
            await client.unsubscribe_resource("price://btc-usdt")
            await client.subscribe_resource("bot://status")
            while not heard.empty():
                heard.get_nowait()
            backend.put_price(Tick("BTC/USDT", 2.0, time.time_ns(), "t"))
            await backend.start_bot("demo")
            assert await heard.get() == "bot://status"

    run(work)


def test_news_are_at_most_four_a_second(server: PriceServer, assistant: Any, backend: MemoryBackend) -> None:
    from mcp.server.subscriptions import InMemorySubscriptionBus

    from mcp_server.events import PriceChanged
    from mcp_server.protocol.notices import Notices

    async def work() -> None:
        heard: list[Any] = []
        bus = InMemorySubscriptionBus()
        bus.subscribe(heard.append)
        notices = Notices(bus)
        loop = asyncio.get_running_loop()
        start = loop.time()
        while loop.time() - start < 0.6:
            notices.tell(PriceChanged(Tick("BTC/USDT", loop.time(), 0, "t")))
            await asyncio.sleep(0.001)
        await notices.close()
        assert 1 <= len(heard) <= 1 + (loop.time() - start) / 0.25

    run(work)


# -- control ----------------------------------------------------------------------------------------------------------


def test_a_start_asks_the_person(server: PriceServer, reached: Any, mode: str, backend: MemoryBackend) -> None:
    async def work() -> None:
        async with reached(server, mode, "control", elicitation_callback=agree) as client:
            found = content(await client.call_tool("start_bot", {}))
            assert (found["state"], found["mode"]) == ("running", "practice")
            assert agree.asked == "Start the practice bot demo: ma_crossover on BTC/USDT 1m?"  # type: ignore[attr-defined]
            assert "Stop it first" in words(await client.call_tool("set_strategy", {"strategy": "slow"}))
            assert content(await client.call_tool("stop_bot", {}))["state"] == "stopped"
            found = content(await client.call_tool("set_strategy", {"strategy": "slow", "parameters": {"fast": 3}}))
            assert (found["strategy"], found["parameters"]) == ("slow", {"fast": 3})
            assert agree.asked == "Let the practice bot demo use slow with fast=3?"  # type: ignore[attr-defined]

    run(work)


@pytest.mark.parametrize(
    "answer",
    [
        types.ElicitResult(action="decline"),
        types.ElicitResult(action="cancel"),
        types.ElicitResult(action="accept", content={"agree": False}),
        types.ElicitResult(action="accept", content={"agree": "maybe"}),
        types.ElicitResult(action="accept", content={}),
    ],
    ids=["decline", "cancel", "no", "nonsense", "empty"],
)
def test_without_consent_nothing_is_done(
    server: PriceServer, assistant: Any, mode: str, backend: MemoryBackend, answer: types.ElicitResult
) -> None:
    async def say(_context: Any, _asked: Any) -> types.ElicitResult:
        return answer

    async def work() -> None:
        async with assistant(server, mode, "control", elicitation_callback=say) as client:
            for name, arguments in (("start_bot", {}), ("set_strategy", {"strategy": "slow"})):
                assert words(await client.call_tool(name, arguments))
            status = await backend.bot_status("demo")
            assert (status.state, status.strategy) == ("stopped", "ma_crossover")

    run(work)


def test_an_assistant_that_cannot_ask_is_refused(
    server: PriceServer, assistant: Any, mode: str, backend: MemoryBackend
) -> None:
    async def work() -> None:
        async with assistant(server, mode, "control") as client:
            assert "cannot ask" in words(await client.call_tool("start_bot", {}))
            assert "cannot ask" in words(await client.call_tool("set_strategy", {"strategy": "slow"}))
            assert (await backend.bot_status("demo")).state == "stopped"

    run(work)


def test_the_read_token_controls_nothing(
    server: PriceServer, assistant: Any, mode: str, backend: MemoryBackend
) -> None:
    async def work() -> None:
        await backend.start_bot("demo")
        async with assistant(server, mode, "read", elicitation_callback=agree) as client:
            for name in sorted(CONTROL):
                arguments = {"strategy": "slow"} if name == "set_strategy" else {}
                assert "needs the control token" in words(await client.call_tool(name, arguments))
        assert (await backend.bot_status("demo")).state == "running"

    run(work)


@pytest.mark.parametrize("bot_mode", ["testnet", "live"])
def test_there_is_no_way_to_real_money(
    server: PriceServer, assistant: Any, mode: str, backend: MemoryBackend, bot_mode: str
) -> None:
    async def work() -> None:
        status = (await backend.bot_status("demo")).model_copy(update={"mode": bot_mode})
        backend.put_bot(BotRecord(status))
        async with assistant(server, mode, "control", elicitation_callback=agree) as client:
            for name, arguments in (("start_bot", {}), ("set_strategy", {"strategy": "slow"})):
                assert f"in mode {bot_mode}" in words(await client.call_tool(name, arguments))
        assert (await backend.bot_status("demo")).state == "stopped"

    run(work)


def test_a_bot_that_goes_live_while_the_person_thinks_is_not_started(
    server: PriceServer, assistant: Any, mode: str, backend: MemoryBackend
) -> None:
    async def work() -> None:
        async def slow_yes(_context: Any, _asked: Any) -> types.ElicitResult:
            status = (await backend.bot_status("demo")).model_copy(update={"mode": "live"})
            backend.put_bot(BotRecord(status))
            return types.ElicitResult(action="accept", content={"agree": True})

        async with assistant(server, mode, "control", elicitation_callback=slow_yes) as client:
            assert "in mode live" in words(await client.call_tool("start_bot", {}))
        assert (await backend.bot_status("demo")).state == "stopped"

    run(work)


def test_a_session_belongs_to_the_right_that_opened_it(server: PriceServer, ask: Any) -> None:
    """Or whoever reads could answer the question that was put to whoever controls."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    headers = {"Accept": "application/json, text/event-stream"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    opened = ask(server, "POST", "/mcp", message, token="control", headers=headers)
    session = opened.headers["mcp-session-id"]
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    inside = {**headers, "Mcp-Session-Id": session}
    assert ask(server, "POST", "/mcp", listing, token="read", headers=inside).status == 404
    assert ask(server, "POST", "/mcp", listing, token="control", headers=inside).status == 200
    assert ask(server, "DELETE", "/mcp", token="control", headers=inside).status == 200
    assert ask(server, "POST", "/mcp", listing, token="control", headers=inside).status == 404


def test_sessions_are_limited(make_server: Any, wide: Any, ask: Any) -> None:
    server = make_server(limits=wide(sessions=2))
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    headers = {"Accept": "application/json, text/event-stream"}
    statuses = [ask(server, "POST", "/mcp", message, headers=headers).status for _ in range(3)]
    assert statuses == [200, 200, 503]


def test_twenty_assistants_at_once(server: PriceServer, assistant: Any, mode: str) -> None:
    async def one(number: int) -> int:
        async with assistant(server, mode) as client:
            good = 0
            for _ in range(10):
                found = content(await client.call_tool("get_price", {"symbol": "BTC-USDT"}))
                good += found["price"] == 60_000.5
            return good

    async def work() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(20)))

    assert run(work) == [10] * 20


def test_an_answer_that_is_too_long_asks_for_less(server: PriceServer, assistant: Any, backend: MemoryBackend) -> None:
    backend.put_strategy(
        (asyncio.run(backend.strategies()))[0].model_copy(update={"name": "long", "text": "x" * 100_000})
    )

    async def work() -> None:
        async with assistant(server) as client:
            assert "Ask for less" in words(await client.call_tool("list_strategies", {}))

    run(work)
