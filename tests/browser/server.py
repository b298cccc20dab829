"""What the servers that tests start have in common: folders of their own, and an end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]


def start(command: list[str], home: Path, token: str, log: IO[str], **more: str) -> subprocess.Popen[bytes]:
    """Start a server that keeps all that it writes in a folder, in a session of its own.

    Parameters
    ----------
    command
        What to run.
    home
        The folder.
    token
        What opens it.
    log
        Takes what it prints.
    more
        Further variables of its environment.
    """
    environment = {
        **os.environ,
        "JUPYTER_TOKEN": token,
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "IPYTHONDIR": str(home / "ipython"),
        "CRYPTOBOT_DATA_DIRECTORY": str(home / "data"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        **more,
    }
    # In a session of its own, so that stopping it ends its kernels too and nothing else.
    return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server that `start` has started, and whatever outlives it."""
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the server's own group
    process.wait(5)
