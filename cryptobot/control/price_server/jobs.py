"""Backtests in processes of their own, each ended with whoever asked for it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from cryptobot.control.price_server.reader import LOGGER
from mcp_server.backend import Progress
from mcp_server.errors import BackendError

_WORKER: Final = "cryptobot.control.price_server.worker"


class Jobs:
    """Runs jobs in worker processes and knows which are running."""

    def __init__(self) -> None:
        self._running: set[_Job] = set()

    async def run(self, content: bytes, environment: Mapping[str, str], progress: Progress) -> str:
        """Run a backtest and return the id it was recorded under; being cancelled ends its process.

        Parameters
        ----------
        content
            What `worker` reads.
        environment
            Variables to set for it.
        progress
            Told how far it is.

        Raises
        ------
        BackendError
            If the library refuses it.
        RuntimeError
            If the process failed; the text says how.
        """
        loop = asyncio.get_running_loop()
        said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        def hear(message: dict[str, Any]) -> None:
            with suppress(RuntimeError):  # the loop has gone: nobody wants to know
                loop.call_soon_threadsafe(said.put_nowait, message)

        job = _Job(content, environment, hear)
        self._running.add(job)
        try:
            while True:
                message = await said.get()
                if "id" in message:
                    if message["id"] is None:
                        raise BackendError(
                            "The backtest ran, but could not be recorded. Make room in the data directory."
                        )
                    return str(message["id"])
                if "error" in message:
                    raise BackendError(message["error"])
                if "failure" in message:
                    raise RuntimeError(message["failure"])
                await progress(message["done"], message["text"])
        finally:
            job.end()
            self._running.discard(job)

    def end(self) -> None:
        """End all that are running."""
        for job in tuple(self._running):
            job.end()

    @property
    def running(self) -> int:
        """How many there are."""
        return len(self._running)


class _Job:
    """One worker process and the thread that listens to it."""

    def __init__(self, content: bytes, environment: Mapping[str, str], hear: Callable[[dict[str, Any]], None]) -> None:
        self._hear = hear
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # It finds what this process has imported, such as a strategy in a file beside the notebook.
            env={**_plain(os.environ), "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._thread = threading.Thread(
            target=self._listen, args=(content,), name="cryptobot-backtest-job", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """End the process, if it has not ended yet."""
        if self._process.poll() is None:
            self._process.kill()
            LOGGER.info("a backtest was ended before it was done")

    def _listen(self, content: bytes) -> None:
        answered = False
        with self._process as process:
            with suppress(OSError):  # it was ended, or failed, before it had read everything
                if process.stdin is not None:
                    process.stdin.write(content)
                    process.stdin.close()
            for line in process.stdout or ():
                message = json.loads(line)
                answered = answered or "done" not in message
                self._hear(message)
        if not answered:
            self._hear({"failure": f"The backtest's process ended with code {process.returncode} and no answer."})


def _plain(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave keys and tokens out: a backtest needs none."""
    secret = ("_KEY", "_SECRET", "_TOKEN", "_PASSWORD", "_WEBHOOK_URL")
    return {name: value for name, value in environment.items() if not name.upper().endswith(secret)}
