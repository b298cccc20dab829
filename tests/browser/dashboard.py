"""``cryptobot dashboard``, started as a person starts it, in folders of its own."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from tests.browser.server import end, start

PATIENCE = 60.0


class Dashboard:
    """The page of one bot.

    Parameters
    ----------
    home
        A folder for all that it writes; the bot's processes are found under its ``data``.
    name
        Of the bot.
    options
        Further words of the command.

    Attributes
    ----------
    url
        Of the page, without its token.
    token
        What opens it.
    """

    def __init__(self, home: Path, name: str, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.url, self.token = f"http://127.0.0.1:{self._port}/", secrets.token_hex(16)
        self._home = home
        self._command = [
            *(sys.executable, "-m", "cryptobot", "dashboard", name, "--no-browser", "--port", str(self._port)),
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return (self._home / "dashboard.log").read_text()

    def __enter__(self) -> Self:
        with (self._home / "dashboard.log").open("w") as log:
            process = self._process = start(self._command, self._home, self.token, log)
        until, pause = time.monotonic() + PATIENCE, threading.Event()
        while process.poll() is None and time.monotonic() < until:
            if self._answers():
                return self
            pause.wait(0.1)
        self.__exit__()
        raise AssertionError(f"The dashboard did not start:\n{self.said[-3000:]}")

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end(self._process)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
            return True
        return False
