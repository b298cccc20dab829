"""``cryptobot dashboard``, started as a person starts it, in folders of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
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
        home = self._home
        environment = {
            **os.environ,
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "IPYTHONDIR": str(home / "ipython"),
            "CRYPTOBOT_DATA_DIRECTORY": str(home / "data"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        with (home / "dashboard.log").open("w") as log:
            # In a session of its own, so that stopping it ends its kernels too and nothing else.
            self._process = subprocess.Popen(
                self._command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        until, pause = time.monotonic() + PATIENCE, threading.Event()
        while self._process.poll() is None and time.monotonic() < until:
            if self._answers():
                return self
            pause.wait(0.1)
        self.__exit__()
        raise AssertionError(f"The dashboard did not start:\n{self.said[-3000:]}")

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is not None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own group: whatever has outlived it
            process.wait(5)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
            return True
        return False
