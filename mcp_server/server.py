"""The price server, to start and to stop."""

from __future__ import annotations

import asyncio
import atexit
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mcp_server import state_file
from mcp_server.backend import Backend
from mcp_server.binding import listen, loopback
from mcp_server.errors import StartError
from mcp_server.limits import Limits
from mcp_server.security.origins import Places
from mcp_server.security.refusals import Refusal
from mcp_server.security.tokens import Tokens
from mcp_server.version import version

STOP_SECONDS = 10.0


class PriceServer:
    """Serves prices, bots and backtests on this machine: REST, WebSocket and the Model Context Protocol.

    Parameters
    ----------
    backend
        Who has the prices and the bots; see `mcp_server.backend.Backend`.
    host
        Address to listen on. Another than this machine's own needs `remote` and `tls`.
    port
        A port, 0 for any free one, or None for 8808 and any free one if that is taken.
    allow_control
        Whether assistants with the control token are offered the tools that start, stop and change a bot.
    token, control_token
        Tokens of your own; random ones are made otherwise, anew at every start.
    hosts, origins
        Further names the server answers to (behind a proxy) and further pages that may ask it.
    remote
        Say that other machines may reach it.
    tls
        Context for HTTPS.
    limits
        How much of everything.
    hide
        Returns text with secrets blotted out; used on logs, reasons and errors. The server's tokens always are.
    on_refused
        Called on the server's thread with refused attempts, for alerts: at most once a minute for each kind.
    state_directory
        Where it is written down for clients on this machine; see `mcp_server.state_file`.

    Raises
    ------
    StartError
        If an option is not allowed.

    Examples
    --------
    ``with PriceServer(backend) as server: print(server.url)``
    """

    def __init__(
        self,
        backend: Backend,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        allow_control: bool = False,
        token: str | None = None,
        control_token: str | None = None,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        remote: bool = False,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        hide: Callable[[str], str] = str,
        on_refused: Callable[[Refusal], None] | None = None,
        state_directory: Path | str | None = None,
    ) -> None:
        if not loopback(host) and not (remote and tls is not None):
            missing = " and ".join(
                name for name, given in (("remote=True", remote), ("tls=…", tls is not None)) if not given
            )
            raise StartError(
                f"host: {host} can be reached from other machines, which needs {missing}, too. Use 127.0.0.1 and put a "
                "proxy with TLS in front of it (hosts=['its.name']), or give them."
            )
        _needs()
        self._backend = backend
        self._host = host
        self._wanted_port = port
        self._allow_control = allow_control
        self._given = (token, control_token)
        self._tokens = Tokens(*self._given)
        self._hosts = tuple(hosts)
        self._origins = tuple(origins)
        self._tls = tls
        self._limits = limits or Limits()
        self._hide = hide
        self._on_refused = on_refused
        self._directory = state_file.directory(state_directory)
        Places(1, self._scheme, self._hosts, self._origins)  # a mistake in them shows here
        self._lock = threading.RLock()
        self._worker: Any = None
        self._port: int | None = None
        self._state: Path | None = None

    def start(self) -> Self:
        """Start, and return when it listens; does nothing when it runs already.

        Raises
        ------
        StartError
            If the port is taken, or the state file cannot be written.
        """
        from mcp_server.worker import Worker  # noqa: PLC0415 - aiohttp comes in here, and not before

        with self._lock:
            if self.running:
                return self
            bound = listen(self._host, self._wanted_port)
            try:
                self._tokens = Tokens(*self._given)  # what was overheard in an earlier run opens nothing now
                self._port = int(bound.getsockname()[1])
                state_file.sweep(self._directory)
                state = state_file.ServerState(
                    url=self.url,
                    token=self._tokens.read,
                    pid=os.getpid(),
                    name=self._backend.name,
                    started=time.time_ns(),
                )
                worker = Worker(
                    backend=self._backend,
                    limits=self._limits,
                    tokens=self._tokens,
                    places=Places(self._port, self._scheme, self._names(), self._origins),
                    bound=bound,
                    tls=self._tls,
                    allow_control=self._allow_control,
                    hide=self._hide,
                    on_refused=self._on_refused,
                    on_end=self._ended,
                    version=version(),
                )
                self._state = state_file.write(self._directory, state, self._port)
                worker.start()
            except BaseException:
                bound.close()
                self._ended()
                raise
            self._worker = worker
            atexit.register(self.stop)
        return self

    def stop(self, timeout: float = STOP_SECONDS) -> Self:
        """Stop, and return when nothing of it is left; does nothing when it does not run.

        Parameters
        ----------
        timeout
            Seconds to wait for its end.

        Raises
        ------
        TimeoutError
            If it has not ended by then; it goes on ending.
        """
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.request_stop()
            if not worker.join(timeout):
                self._worker = worker
                raise TimeoutError(f"The price server has not stopped within {timeout:g} s. Call stop() again.")
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has stopped, for example by ``POST /shutdown``.

        Returns
        -------
        bool
            Whether it has.
        """
        worker = self._worker
        return worker is None or bool(worker.join(timeout))

    def _names(self) -> list[str]:
        """Return the names it answers to beside the local ones: an address of this machine that it was told to use."""
        own = [] if loopback(self._host) else [self.url.partition("://")[2]]
        return [*self._hosts, *own]

    def _ended(self) -> None:
        atexit.unregister(self.stop)
        path, self._state = self._state, None
        if path is not None:
            state_file.remove(path)

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._worker is not None and self._worker.alive

    @property
    def port(self) -> int:
        """Where it listens, or listened last.

        Raises
        ------
        StartError
            If it has never been started.
        """
        if self._port is None:
            raise StartError("The server has no port yet. Start it: server.start().")
        return self._port

    @property
    def url(self) -> str:
        """Its address, such as ``"http://127.0.0.1:8808"``."""
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - not bound here
        host = f"[{reached}]" if ":" in reached else reached
        return f"{self._scheme}://{host}:{self.port}"

    @property
    def _scheme(self) -> str:
        return "http" if self._tls is None else "https"

    @property
    def state_path(self) -> Path | None:
        """The file that clients on this machine find it by; None while it does not run."""
        return self._state

    @property
    def token(self) -> str:
        """The token to read with. Do not print it into a notebook that others may see."""
        return self._tokens.read

    @property
    def control_token(self) -> str:
        """The token to control with. It is kept in memory only."""
        return self._tokens.control

    @property
    def refused(self) -> dict[str, int]:
        """How many attempts were refused since the start, by reason."""
        worker = self._worker
        return dict(worker.refusals.counts) if worker is not None and worker.refusals is not None else {}

    @property
    def connections(self) -> int:
        """How many connections are open."""
        worker = self._worker
        return len(worker.connections) if worker is not None and worker.connections is not None else 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def __repr__(self) -> str:
        where = self.url if self.running else "stopped"
        control = ", control allowed" if self._allow_control else ""
        return f"PriceServer({self._backend.name}: {where}{control})"


def _needs() -> None:
    missing = [name for name in ("aiohttp", "mcp", "orjson") if find_spec(name) is None]
    if missing:
        raise StartError(
            f"The price server needs {' and '.join(missing)}, which is not installed. Install it: "
            'pip install "cryptobot[server]".'
        )
