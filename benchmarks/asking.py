"""Asking a price server by the protocol's own client."""

from __future__ import annotations

import time

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def call(url: str, token: str, calls: int) -> list[float]:
    """Call a tool so many times; return the milliseconds of each."""
    times = []
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as session,
        Client(streamable_http_client(f"{url}/mcp", http_client=session), mode="auto") as client,
    ):
        for _ in range(calls):
            begun = time.perf_counter()
            await client.call_tool("get_price", {"symbol": "BTC-USDT"})
            times.append((time.perf_counter() - begun) * 1e3)
    return times
