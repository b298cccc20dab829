"""The demo's look at the price server: the bot's price by REST, by WebSocket and as an assistant gets it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from cryptobot.core.errors import CryptobotError
from cryptobot.core.text import written

if TYPE_CHECKING:
    from cryptobot.control.price_server.server import PriceServer
    from cryptobot.trading.bot import Bot
    from mcp_server.client.asynchronous import Message


def check_server(bot: Bot) -> str:
    """Start a price server on a bot, read the bot's price in three ways, stop it, and say so.

    Raises
    ------
    CryptobotError
        If the three prices are not the bot's own.
    """
    from cryptobot.control.price_server.server import PriceServer

    started = time.perf_counter()
    status = bot.status()
    with tempfile.TemporaryDirectory() as folder, PriceServer(bot, port=0, state_directory=folder) as server:
        found = asyncio.run(_prices(server, status.symbol))
    for way, price in found.items():
        if price != status.price:
            raise CryptobotError(f"The price server's {way} says {price}, and the bot's last price is {status.price}.")
    seconds, listed = time.perf_counter() - started, " and ".join(", ".join(found).rsplit(", ", 1))
    return f"the price {written(found['REST'])} read by {listed}; started and stopped in {seconds:.1f} s"


async def _prices(server: PriceServer, symbol: str) -> dict[str, float]:
    from mcp_server.client.asynchronous import AsyncPriceClient

    async with await AsyncPriceClient.connect(server.url, server.token) as client:
        rest = (await client.price(symbol)).price
        async with aclosing(cast("AsyncGenerator[Message, None]", client.stream([symbol]))) as news:
            stream = _of((await anext(news)).data["prices"], symbol)  # the snapshot comes first
    return {"REST": rest, "WebSocket": stream, "Model Context Protocol": await _as_an_assistant(server, symbol)}


def _of(prices: list[dict[str, Any]], symbol: str) -> float:
    return next(float(price["price"]) for price in prices if price["symbol"] == symbol)


async def _as_an_assistant(server: PriceServer, symbol: str) -> float:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {server.token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=20, trust_env=False) as session,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=session)) as client,
    ):
        answer = await client.call_tool("get_price", {"symbol": symbol})
    if answer.structured_content is None:
        raise CryptobotError(f"The assistant's tool get_price gave no price: {answer.content}")
    return float(answer.structured_content["price"])
