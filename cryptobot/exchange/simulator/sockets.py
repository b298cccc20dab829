"""One WebSocket: frames leave in order, and never make the exchange wait."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import Any, Final

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

# Binance closes a socket that sends more messages than these a second.
_MESSAGES_A_SECOND: Final = 5
_PING_EVERY: Final = 20.0
_FRAMES: Final = 10_000


def dumps(content: Any) -> str:
    """Write JSON as the exchange does: without spaces."""
    return json.dumps(content, separators=(",", ":"))


class Socket:
    """One client's WebSocket.

    Parameters
    ----------
    request
        The handshake.
    kind
        ``"market"`` or ``"user"``.

    Attributes
    ----------
    kind
        As given.
    subscriptions
        What the client listens to, in the order in which it asked.
    combined
        Whether its messages are wrapped with the name of their stream.
    """

    def __init__(self, request: web.Request, kind: str) -> None:
        self.kind = kind
        self.subscriptions: dict[Any, None] = {}
        self.combined = False
        self._request = request
        self._socket = web.WebSocketResponse(autoping=False, max_msg_size=1 << 20, compress=False)
        self._frames: asyncio.Queue[str | bytes] = asyncio.Queue(_FRAMES)
        self._came: deque[float] = deque(maxlen=_MESSAGES_A_SECOND + 1)
        self._muted_until = 0.0
        self._pongs = True
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> web.WebSocketResponse:
        """Shake hands and begin to write."""
        await self._socket.prepare(self._request)
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._ping())]
        return self._socket

    async def read(self) -> str | None:
        """Return the client's next text, or None when it has left."""
        while True:
            message: WSMessage = await self._socket.receive()
            if message.type not in (WSMsgType.PING, WSMsgType.PONG, WSMsgType.TEXT, WSMsgType.BINARY):
                return None
            if self._too_many():
                await self.close(WSCloseCode.POLICY_VIOLATION)
                return None
            if message.type is WSMsgType.TEXT:
                return str(message.data)
            if message.type is WSMsgType.PING and self._answers_pings:
                await self._socket.pong(message.data)

    def send(self, content: Any) -> None:
        """Send a JSON document, unless the socket is muted."""
        self.send_text(dumps(content))

    def send_text(self, text: str) -> None:
        """Send a text as it is, unless the socket is muted."""
        if self.muted or self._socket.closed:
            return
        try:
            self._frames.put_nowait(text)
        except asyncio.QueueFull:
            self.drop()  # it does not read what it asked for

    async def flushed(self) -> None:
        """Wait until everything was handed to the network, or the client has left."""
        writer = self._tasks[0] if self._tasks else None
        if writer is None or writer.done():
            return
        empty = asyncio.ensure_future(self._frames.join())
        try:
            await asyncio.wait((empty, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            empty.cancel()

    def mute(self, seconds: float, *, pongs: bool) -> None:
        """Send nothing for a while; 0 is until `unmute`."""
        self._muted_until = time.monotonic() + seconds if seconds > 0 else float("inf")
        self._pongs = pongs

    def unmute(self) -> None:
        """Send again."""
        self._muted_until = 0.0
        self._pongs = True

    @property
    def muted(self) -> bool:
        """Whether it sends nothing now."""
        return time.monotonic() < self._muted_until

    async def close(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Close it; 1006 breaks the connection without a word."""
        if code == 1006:
            self.drop()
        else:
            await self._socket.close(code=code)

    def drop(self) -> None:
        """Break the connection."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    def end(self) -> None:
        """Stop writing."""
        for task in self._tasks:
            task.cancel()

    @property
    def _answers_pings(self) -> bool:
        return self._pongs or not self.muted

    def _too_many(self) -> bool:
        now = time.monotonic()
        self._came.append(now)
        return len(self._came) > _MESSAGES_A_SECOND and now - self._came[0] < 1.0

    async def _write(self) -> None:
        while True:
            text = await self._frames.get()
            try:
                await self._socket.send_str(str(text))
            except (ConnectionError, RuntimeError):
                return  # the client has left
            finally:
                self._frames.task_done()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_EVERY)
            if not self.muted:
                try:
                    await self._socket.ping(str(int(time.time() * 1000)).encode())
                except (ConnectionError, RuntimeError):
                    return
