"""JupyterLab on a folder of its own, and the few things a test does in it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ARTEFACTS = Path(__file__).parents[2] / "artefacts"


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, or None; `CRYPTOBOT_CHROMIUM` names another one."""
    names = (
        os.environ.get("CRYPTOBOT_CHROMIUM", ""),
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    )
    return next((path for name in names if name and (path := shutil.which(name))), None)


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    notebook.cells = [nbformat.v4.new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(cells)]
    nbformat.write(notebook, path)


class Lab:
    """A JupyterLab server on the loopback interface, with a token, settings and work folder of its own.

    Parameters
    ----------
    folder
        An empty folder; notebooks lie in its ``work``.
    """

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self._runtime = folder / "runtime"
        for name in ("work", "runtime", "config", "settings", "workspaces", "ipython"):
            (folder / name).mkdir()
        # No question about news over the notebook.
        notices = folder / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        notices.parent.mkdir(parents=True)
        notices.write_text('{"fetchNews": "false", "checkForUpdates": false}')
        self._folder = folder
        self._token = secrets.token_hex(16)
        self._log = (folder / "server.log").open("w")
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        folder = self._folder
        environment = {
            **os.environ,
            "JUPYTER_TOKEN": self._token,
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "IPYTHONDIR": str(folder / "ipython"),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root",
            f"--ServerApp.root_dir={self.work}", "--LabApp.expose_app_in_browser=True",
            "--AsyncMappingKernelManager.buffer_offline_messages=False",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]  # fmt: skip
        # In a session of its own, so that stopping it ends its kernels too and nothing else.
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        self.url = self._wait_for_url()
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # a kernel that outlived its server
        self._log.close()

    def _wait_for_url(self) -> str:
        """Wait until the server has written where it listens."""
        assert self._process is not None
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.poll() is None:
            for path in self._runtime.glob("jpserver-*.json"):
                text = path.read_text()
                if text.endswith(("}\n", "}")):
                    return str(json.loads(text)["url"])
            time.sleep(0.1)
        raise AssertionError(f"JupyterLab did not start:\n{(self._folder / 'server.log').read_text()[-3000:]}")

    def open(self, page: Page, notebook: str) -> None:
        """Open a notebook of the work folder and wait until its kernel is idle."""
        page.goto(f"{self.url}lab/tree/{notebook}?reset&token={self._token}", timeout=90_000)
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
        page.wait_for_function("() => window.jupyterapp", timeout=60_000)
        self.wait_for_kernel(page)
        run(page, "application:toggle-left-area")

    @staticmethod
    def wait_for_kernel(page: Page) -> None:
        """Wait until the kernel of the notebook in front is idle."""
        page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=90_000,
        )


def run(page: Page, command: str, arguments: dict[str, Any] | None = None) -> None:
    """Execute a command of JupyterLab: more reliable than clicking its menus."""
    page.evaluate(
        "([name, given]) => { window.jupyterapp.commands.execute(name, given ?? undefined); }", [command, arguments]
    )
