"""The thread and the event loop that a server lives on."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from mcp_server.backend import Backend
from mcp_server.events import Event
from mcp_server.http.connections import Connections, Gate
from mcp_server.http.service import Service
from mcp_server.http.site import Site
from mcp_server.limits import Limits
from mcp_server.protocol.bridge import Application, Bridge, Lifespan
from mcp_server.rest.table import ROUTES
from mcp_server.security.guard import Guard
from mcp_server.security.origins import Places
from mcp_server.security.refusals import Refusal, Refusals
from mcp_server.security.tokens import Tokens
from mcp_server.stream.pump import Pump

if TYPE_CHECKING:
    from mcp_server.protocol.build import Assistant

LOGGER = logging.getLogger("mcp_server")
GOODBYE_SECONDS = 1.0
"""What answers may still take when the server stops."""
_IMPORTED = threading.Event()


class Worker:
    """Runs one server from its start to its stop; used once.

    Parameters
    ----------
    backend, limits, tokens, places
        What it serves, and to whom.
    bound
        The socket to listen on.
    tls
        For HTTPS.
    allow_control
        Whether assistants may control bots.
    hide
        Blots out further secrets in text.
    on_refused
        Told of refused attempts.
    on_end
        Called on the worker's thread when it has ended, however it came to it.
    version
        Of the service.
    """

    def __init__(
        self,
        *,
        backend: Backend,
        limits: Limits,
        tokens: Tokens,
        places: Places,
        bound: socket.socket,
        tls: ssl.SSLContext | None,
        allow_control: bool,
        hide: Callable[[str], str],
        on_refused: Callable[[Refusal], None] | None,
        on_end: Callable[[], None],
        version: str,
    ) -> None:
        self._backend = backend
        self._limits = limits
        self._tokens = tokens
        self._places = places
        self._bound = bound
        self._tls = tls
        self._allow_control = allow_control
        self._hide = hide
        self._on_refused = on_refused
        self._on_end = on_end
        self._version = version
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._main, name="cryptobot-price-server", daemon=True)
        self._loading: threading.Thread | None = None
        self.refusals: Refusals | None = None
        self.connections: Connections | None = None

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start, and wait until it listens.

        Raises
        ------
        Exception
            What went wrong on the thread.
        """
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def request_stop(self) -> None:
        """Ask it to end; from any thread, as often as one likes."""
        with self._lock:
            if self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)

    def join(self, timeout: float) -> bool:
        """Wait for its end; from its own thread there is nothing to wait for.

        Returns
        -------
        bool
            Whether it has ended, or is about to.
        """
        if self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # raised again in the caller, or logged when nobody waits any more
            if self._started.is_set():
                LOGGER.critical("the price server ended by itself", exc_info=error)
            else:
                self._error = error
        finally:
            with self._lock:
                self._loop = self._stop = None
            self._bound.close()
            # Putting the assistant together takes some milliseconds; for its first import nobody waits.
            if self._loading is not None and _IMPORTED.is_set():
                self._loading.join(GOODBYE_SECONDS)
            self._on_end()
            self._started.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        service = Service(self._backend, self._limits, self._allow_control, self._blot, stop.set)
        self.refusals = refusals = Refusals(loop.time, self._on_refused)
        guard = Guard(self._tokens, self._places, self._limits, refusals, loop.time)
        assistants: list[Assistant] = []

        async def load() -> tuple[Application, Lifespan]:
            # In a thread: importing the SDK takes a second, and prices are served meanwhile.
            assistant = await self._aside(lambda: _assistant(service))
            assistants.append(assistant)
            return assistant.application()

        bridge = Bridge(load)
        site = Site(service, ROUTES, bridge, self._version)

        def deliver(event: Event) -> None:
            site.sockets.deliver(event)
            for assistant in assistants:
                assistant.notices.tell(event)

        pump = Pump(loop, deliver)
        runner = web.AppRunner(
            site.application(guard, self._places),
            handler_cancellation=True,
            access_log=None,
            logger=refusals.logger(),
            keepalive_timeout=self._limits.idle_seconds,
            lingering_time=1.0,
            auto_decompress=False,
            shutdown_timeout=GOODBYE_SECONDS,
        )
        await runner.setup()
        self.connections = connections = Connections(self._limits, refusals, loop.time)
        factory = runner.server
        if factory is None:
            raise RuntimeError("aiohttp gave no server")
        listening = await loop.create_server(
            lambda: Gate(factory(), connections), sock=self._bound, ssl=self._tls, backlog=512
        )
        watch = asyncio.create_task(connections.watch(), name="connections")
        unsubscribe = self._backend.subscribe(pump.put)
        await bridge.start()
        with self._lock:
            self._loop, self._stop = loop, stop
        self._started.set()
        try:
            await stop.wait()
        finally:
            with self._lock:
                self._loop = self._stop = None
            unsubscribe()
            pump.close()
            watch.cancel()
            listening.close()
            for assistant in assistants:
                await assistant.notices.close()
            await runner.cleanup()
            connections.abort_all()
            await asyncio.gather(watch, return_exceptions=True)

    async def _aside(self, work: Callable[[], Assistant]) -> Assistant:
        """Wait for work on a thread of its own: those of asyncio would keep the server from stopping meanwhile."""
        done: concurrent.futures.Future[Assistant] = concurrent.futures.Future()
        done.set_running_or_notify_cancel()  # from here on it cannot be cancelled, only left alone

        def run() -> None:
            try:
                done.set_result(work())
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                done.set_exception(error)

        self._loading = threading.Thread(target=run, name="cryptobot-assistant", daemon=True)
        self._loading.start()
        return await asyncio.wrap_future(done)

    def _blot(self, text: str) -> str:
        return self._tokens.hide(self._hide(text))


def _assistant(service: Service) -> Assistant:
    from mcp_server.protocol.build import build  # noqa: PLC0415 - the SDK takes a second to import

    _IMPORTED.set()
    return build(service)


def _loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop where that is installed: it halves what a request costs."""
    try:
        import uvloop  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        # On Windows this is the proactor's, as everywhere in asyncio.
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
