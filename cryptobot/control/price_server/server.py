"""`PriceServer`: prices, bots and backtests for scripts, pages and assistants on this machine."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from cryptobot.control.price_server.backend import LibraryBackend
from cryptobot.control.price_server.hiding import hider
from cryptobot.control.price_server.subject import Subject
from cryptobot.control.running import SERVERS
from cryptobot.core.errors import ConfigError
from mcp_server import server as leaf
from mcp_server.errors import StartError
from mcp_server.limits import Limits
from mcp_server.security.refusals import Refusal


class PriceServer(leaf.PriceServer):
    """Serves bots and exchanges on this machine: REST, WebSocket and the Model Context Protocol.

    Starts with `start` or ``with`` on a thread of its own, and ends with `stop`. Requests read copies of what the bots
    have: none of them delays a bar. `url` is its address, `token` reads, `control_token` controls.

    Parameters
    ----------
    what
        A bot of this process or an attached one, several of them, an exchange, or None for all bots of this user that run,
        in this process or in processes of their own, whenever they do.
    symbols
        Markets of the exchange to look at all the time. None: its own, or any when it is asked for.
    name
        What clients find it by where several run.
    host, port
        Where to listen. None is port 8808, or any free one if that is taken; 0 is any.
    allow_control
        Whether assistants with the control token are offered the tools that stop a bot, start a practice or paper bot and
        change its strategy.
    token, control_token
        Tokens of your own; random ones are made otherwise, anew at every start.
    hosts, origins
        Further names the server answers to and further pages that may ask it.
    remote, tls
        Both are needed to be reached from other machines: say so, and give a context for HTTPS.
    limits
        How much of everything; see `mcp_server.Limits`.
    hide
        Returns text with further secrets blotted out. The library's own always are.
    on_refused
        Called with refused attempts; the bots' logs and alerts tell of them in any case.
    state_directory
        Where the server is written down for clients on this machine.

    Raises
    ------
    ConfigError
        If an option is not allowed.

    Examples
    --------
    ::

        with cb.PriceServer(bot) as server:
            print(server.url)
    """

    def __init__(
        self,
        what: Any = None,
        *,
        symbols: Iterable[str] | str | None = None,
        name: str = "cryptobot",
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
        hide: Callable[[str], str] | None = None,
        on_refused: Callable[[Refusal], None] | None = None,
        state_directory: Path | str | None = None,
    ) -> None:
        subject = Subject.of(what, symbols)
        self._library = LibraryBackend(subject, name)
        self._also = on_refused
        try:
            super().__init__(
                self._library,
                host=host,
                port=port,
                allow_control=allow_control,
                token=token,
                control_token=control_token,
                hosts=hosts,
                origins=origins,
                remote=remote,
                tls=tls,
                limits=limits,
                hide=hider(subject, hide),
                on_refused=self._refused,
                state_directory=state_directory,
            )
        except StartError as error:
            raise ConfigError(str(error)) from error

    def start(self) -> Self:
        """Start, and return when it listens; does nothing when it runs already.

        Raises
        ------
        ConfigError
            If the port is taken, the state file cannot be written, or the exchange has no such market.
        TransientError
            If the exchange cannot be reached.
        """
        if self.running:
            return self
        try:
            self._library.open()
            super().start()
        except BaseException as error:
            self._library.close()
            if isinstance(error, StartError):
                raise ConfigError(str(error)) from error
            raise
        SERVERS.add(self)
        return self

    def stop(self, timeout: float = leaf.STOP_SECONDS) -> Self:
        """Stop, and return when nothing of it is left; the bots go on. Does nothing when it does not run.

        Parameters
        ----------
        timeout
            Seconds to wait for its end.

        Raises
        ------
        TimeoutError
            If it has not ended by then; it goes on ending.
        """
        super().stop(timeout)
        SERVERS.discard(self)
        self._library.close()
        return self

    def _refused(self, refusal: Refusal) -> None:
        times = f" ({refusal.count} times)" if refusal.count > 1 else ""
        self._library.note(f"The price server refused {refusal.reason} from {refusal.address}{times}: {refusal.text}")
        if self._also is not None:
            self._also(refusal)
