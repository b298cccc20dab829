"""The running server: sockets around a world, and a player that lets the market move."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from aiohttp import web

from cryptobot.core.errors import ConfigError
from cryptobot.exchange.simulator.admin import Admin
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.exchange.simulator.gate import Gate
from cryptobot.exchange.simulator.rest import Rest
from cryptobot.exchange.simulator.sockets import Socket
from cryptobot.exchange.simulator.streams import Streams
from cryptobot.exchange.simulator.tls import TlsFiles
from cryptobot.exchange.simulator.world import World
from cryptobot.exchange.simulator.ws_api import WsApi

HOST: Final = "127.0.0.1"
_LONGEST_WAIT: Final = 0.5
# A client that does not read within this time is left behind: its frames wait, the market does not.
_PATIENCE: Final = 10.0


class Service:
    """Serves one world on one port, inside a running event loop.

    Parameters
    ----------
    world
        The exchange.
    token
        Opens the admin routes.
    """

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        world.after_each = self.settle
        gate = Gate(world)
        rest = Rest(world, gate, self.settle)
        self._streams = Streams(world)
        self._ws_api = WsApi(world, gate, self.settle)
        admin = Admin(world, token, self.settle, self.step, self.repair)
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("*", "/_sim/{name}", admin.serve)
        application.router.add_get("/ws-api/v3", self._ws_api.serve)
        # ccxt numbers its sockets: /ws/0, /ws/1. What is after /ws may also name streams.
        for path in ("/stream", "/ws", "/ws/{streams:.*}", "/stream/ws", "/stream/ws/{streams:.*}"):
            application.router.add_get(path, self._streams.serve)
        application.router.add_route("*", "/{path:.*}", rest.serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        self._player: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Future[None]] = set()

    async def open(self, port: int, tls: TlsFiles | None) -> int:
        """Listen, let the market move, and return the port.

        Raises
        ------
        ConfigError
            If the port is taken.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port, ssl_context=tls.server_context() if tls else None)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(
                f"port: {port} cannot be used ({error.strerror}). Choose another one, or 0 for any that is free."
            ) from error
        self._player = asyncio.create_task(self._play())
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Let go of everything."""
        if self._player is not None:
            self._player.cancel()
            await asyncio.gather(self._player, return_exceptions=True)
        for socket in self._sockets:
            socket.drop()
        await self._runner.cleanup()

    async def step(self, n: int = 1) -> int:
        """Close the present candle and open the next, ``n`` times; return the market's time.

        The frames have been handed to the network when it returns.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ConfigError(f"n: {n!r} is not allowed. Give a whole number of candles of at least 1.")
        self.check()
        time = self._world.now
        for _ in range(n):
            time = self._world.step()
            self.settle()
            await self._flush()
        return time

    def check(self) -> None:
        """Raise what has stopped the market, if something has."""
        if self._player is not None and self._player.done() and not self._player.cancelled():
            error = self._player.exception()
            if error is not None:
                raise error

    def settle(self) -> None:
        """Send what happened to those who listen."""
        for told in self._world.take():
            if told.kind == "user":
                self._ws_api.tell(told.content)
            elif told.kind == "fault":
                self._carry_out(told.content)
            else:
                self._streams.tell(told)

    def repair(self) -> None:
        """End all faults, also those of sockets."""
        self._world.repair()
        for socket in self._sockets:
            socket.unmute()
        self.settle()

    @property
    def _sockets(self) -> list[Socket]:
        return [*self._streams.sockets, *self._ws_api.sockets]

    async def _flush(self) -> None:
        for socket in self._sockets:
            try:
                await asyncio.wait_for(socket.flushed(), _PATIENCE)
            except TimeoutError:
                socket.drop()

    async def _play(self) -> None:
        while True:
            wait = self._world.play()
            self.settle()
            if math.isinf(wait):
                return
            # Looked at now and then in between, so that a computer that slept is noticed soon.
            await self._world.clock.sleep(min(wait, _LONGEST_WAIT))

    def _carry_out(self, fault: Fault) -> None:
        if fault.kind == "stale_frame":
            base = self._world.feed.book.base
            if len(base) > 1:
                self._streams.repeat(base[-2])
            return
        for socket in self._sockets:
            if fault.stream in ("all", socket.kind):
                self._befall(socket, fault)

    def _befall(self, socket: Socket, fault: Fault) -> None:
        match fault.kind:
            case "mute":
                socket.mute(fault.seconds, pongs=fault.pongs)
            case "bad_frame":
                socket.send_text(fault.text)
            case "shutdown":
                event = {"e": "serverShutdown", "E": self._world.server_time}
                socket.send({"stream": "!serverShutdown", "data": event} if socket.combined else event)
            case "kill" if fault.status == 1006:
                socket.drop()
            case "kill":
                task = asyncio.ensure_future(socket.close(fault.status))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
