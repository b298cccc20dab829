"""The product's own server for the official conformance suite: `python product.py` prints the address to test.

The suite cannot send a token, and the server has no switch to do without one: so a small proxy in front of it adds the
token to each request, and changes nothing else but its own port for the server's in `Host` and `Origin`.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time

from mcp_server.limits import Limits
from mcp_server.memory import BotRecord, MemoryBackend
from mcp_server.models.bot import BotStatus
from mcp_server.models.market import Tick
from mcp_server.server import PriceServer


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes until one side ends."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()


async def proxy(server: PriceServer) -> None:
    """Listen, and put the token into each request."""
    open_: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, OSError):
            writer.close()
            return
        head = re.sub(rf"(?im)^((?:host|origin):.*):{port}\b", rf"\g<1>:{server.port}", head)
        head = re.sub(r"(?im)^connection:.*\r\n", "", head)
        head = head.replace("\r\n", f"\r\nAuthorization: Bearer {server.token}\r\nConnection: close\r\n", 1)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", server.port)
        up_writer.write(head.encode("latin-1"))
        back = asyncio.create_task(relay(up_reader, writer))
        open_.add(back)
        back.add_done_callback(open_.discard)
        await relay(reader, up_writer)

    listening = await asyncio.start_server(one, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://localhost:{port}/mcp\n")
    sys.stdout.flush()
    async with listening:
        await listening.serve_forever()


def main() -> None:
    """Serve until the process is ended."""
    backend = MemoryBackend()
    backend.put_price(Tick("BTC/USDT", 60_000.5, time.time_ns(), "conformance"))
    status = BotStatus(bot="b", mode="practice", state="stopped", symbol="BTC/USDT", timeframe="1m", strategy="s")
    backend.put_bot(BotRecord(status))
    limits = Limits(mcp_calls_per_second=1e6, mcp_call_burst=10**6)
    with (
        tempfile.TemporaryDirectory() as folder,
        PriceServer(backend, port=0, limits=limits, state_directory=folder) as server,
    ):
        asyncio.run(proxy(server))


if __name__ == "__main__":
    main()
