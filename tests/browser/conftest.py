"""JupyterLab in a folder of its own, opened in headless Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from cryptobot.cli.lab import QUIET_DEFAULTS, server_arguments
from tests.browser.server import ROOT, end, start

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ARTEFACTS = ROOT / "artefacts"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What the console may say although nothing of ours failed, each with the reason.
NOISE = (
    "favicon",  # JupyterLab asks for an icon before its token is set
    "WebSocket connection to",  # a kernel that was ended on purpose drops its connection
)


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, or None; `CRYPTOBOT_CHROMIUM` names another one."""
    given = os.environ.get("CRYPTOBOT_CHROMIUM", "")
    names = (given, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if name and (path := shutil.which(name))), None)


class Lab:
    """A JupyterLab server, set up as `cryptobot lab` does it, with a token and folders of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.work = folder / "work"
        for name in ("work", "runtime", "config", "settings", "workspaces", "ipython"):
            (folder / name).mkdir()
        self.token = secrets.token_hex(16)
        self.url = ""
        self._log = (folder / "server.log").open("w")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        folder = self._folder
        command = [
            *(sys.executable, "-m", "jupyterlab", "--LabApp.expose_app_in_browser=True"),
            *server_arguments(self.work, 0, browser=False),  # as `cryptobot lab` starts it
        ]
        self._process = start(
            command,
            folder,
            self.token,
            self._log,
            JUPYTER_CONFIG_PATH=str(QUIET_DEFAULTS),
            JUPYTERLAB_SETTINGS_DIR=str(folder / "settings"),
            JUPYTERLAB_WORKSPACES_DIR=str(folder / "workspaces"),
        )
        try:
            self.url = self._wait_for_url()
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def pid(self) -> int:
        """Of the server's process."""
        assert self._process is not None
        return self._process.pid

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end(self._process)
        self._log.close()

    def _wait_for_url(self) -> str:
        """Wait until the server has written where it listens."""
        assert self._process is not None
        until = time.monotonic() + 90
        pause = threading.Event()
        while time.monotonic() < until and self._process.poll() is None:
            for path in (self._folder / "runtime").glob("jpserver-*.json"):
                text = path.read_text()
                if text.rstrip().endswith("}"):
                    return str(json.loads(text)["url"])
            pause.wait(0.1)
        raise AssertionError(f"JupyterLab did not start:\n{(self._folder / 'server.log').read_text()[-3000:]}")


class Notebook:
    """A notebook that is open in a page of its own.

    Attributes
    ----------
    page
        Playwright's page.
    errors
        What went wrong in the page: uncaught exceptions and console errors, known noise left out.
    """

    def __init__(self, lab: Lab, context: BrowserContext, name: str) -> None:
        self._lab = lab
        self.name = name
        self.context = context
        self.errors: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        self.page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        self.open()

    def _note(self, text: str) -> None:
        if not any(noise in text for noise in NOISE):
            self.errors.append(text)

    def open(self) -> None:
        """Open the notebook and wait until its kernel is idle."""
        self.page.goto(f"{self._lab.url}lab/tree/{self.name}?reset&token={self._lab.token}", timeout=90_000)
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
        self.wait_for_kernel()
        self.command("application:toggle-left-area")  # the panel has the whole width

    def wait_for_kernel(self) -> None:
        """Wait until the kernel is idle."""
        self.page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=90_000,
        )

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Execute a command of JupyterLab and wait for it: more reliable than clicking its menus."""
        self.page.evaluate(
            "([name, given]) => window.jupyterapp.commands.execute(name, given ?? undefined).then(() => null)",
            [name, arguments],
        )

    def run_all(self) -> None:
        """Run all cells and wait for the panel."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_selector(".cb-panel", timeout=60_000)
        self.page.wait_for_selector('.cb-panel[data-link="live"]', timeout=20_000)

    def execute(self, code: str) -> None:
        """Run code in the notebook's kernel, outside any cell; fails if it raises."""
        reply = self.page.evaluate(
            """code => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
                .requestExecute({code, store_history: false}).done.then(reply => reply.content)""",
            code,
        )
        assert reply["status"] == "ok", "\n".join(reply.get("traceback", []))

    def comes_true(self, condition: str, seconds: float = 30.0) -> None:
        """Wait until a condition holds in the kernel: what a click says travels beside what `execute` runs."""
        end = time.monotonic() + seconds
        while True:
            try:
                return self.execute(f"assert {condition}")
            except AssertionError:
                if time.monotonic() > end:
                    raise
                self.page.wait_for_timeout(100)

    def theme(self, name: str) -> None:
        """Switch JupyterLab's theme."""
        self.command("apputils:change-theme", {"theme": name})
        light = "true" if "Light" in name else "false"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached", timeout=20_000)

    def picture(self, name: str) -> None:
        """Keep a screenshot in the folder of artefacts."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", animations="disabled")

    def healthy(self) -> None:
        """Fail on any error of the page or of the panel."""
        self.execute("panel.assert_healthy()")
        assert self.errors == []


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium; skips where there is none, unless `CRYPTOBOT_REQUIRE_BROWSER=1` makes that a failure."""
    path = find_chromium()
    if path is None:
        words = "No Chromium found: run tests/browser/install-chromium, or name one in CRYPTOBOT_CHROMIUM."
        if os.environ.get("CRYPTOBOT_REQUIRE_BROWSER") == "1":
            pytest.fail(words)
        pytest.skip(words)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def notebook(browser: Browser, lab: Lab) -> Iterator[Callable[..., Notebook]]:
    """Return a function that opens a new notebook of some code cells."""
    import nbformat

    contexts: list[BrowserContext] = []

    def open_notebook(*cells: str, name: str = "") -> Notebook:
        if cells:
            name = f"{secrets.token_hex(4)}.ipynb"
            content = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
            content.cells = [nbformat.v4.new_code_cell(cell, id=f"cell-{at}") for at, cell in enumerate(cells)]
            nbformat.write(content, lab.work / name)
        # Far from UTC: a time that is read in the browser's own zone shows at once.
        context = browser.new_context(viewport={"width": 1500, "height": 1250}, timezone_id="Asia/Kolkata")
        contexts.append(context)
        return Notebook(lab, context, name)

    yield open_notebook
    for context in contexts:
        for page in context.pages:
            with contextlib.suppress(Exception):
                page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        context.close()
