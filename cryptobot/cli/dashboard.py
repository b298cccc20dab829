"""``cryptobot dashboard``: the control panel as a web page."""

from __future__ import annotations

import importlib.util
import os
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cryptobot.cli.terminal import console
from cryptobot.core.errors import ConfigError

PAGE = Path(__file__).parent / "dashboard_page" / "dashboard.ipynb"
TEMPLATE = "cryptobot"  # a folder under voila/templates beside the page
NAMED = "CRYPTOBOT_DASHBOARD_BOT"


def dashboard(
    name: Annotated[
        str | None, typer.Argument(help="Bot to open. Default: a list of all that run, to choose from.")
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Preferred port; the next free one is taken. 0: any.")
    ] = 8866,
    dark: Annotated[bool, typer.Option("--dark/--light", help="Colours of the page.")] = True,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> None:
    """Serve the control panel as a web page: the bots that `cryptobot run` and cb.launch have started.

    It listens on this machine only, and the address holds a token that changes with every start. Closing the page, or
    ending this command, does nothing to the bots.

    \b
    Examples:
      cryptobot dashboard
      cryptobot dashboard btc-trend --light --no-browser --port 9000
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    if importlib.util.find_spec("voila") is None:
        raise ConfigError(
            "The web page needs voila, which is not installed. Install the extra `dashboard`: pip install '.[dashboard]' in "
            "the checkout. Without it, `cryptobot lab` shows the same panel in JupyterLab."
        )
    if name is not None:
        from cryptobot.control.attach import attach

        attach(name)  # says now, and not on the page, that there is no such bot
        os.environ[NAMED] = name
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(PAGE.parent), os.environ.get("JUPYTER_PATH")]))
    from voila.app import Voila

    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{port}/?token={token}" if port else "the address below"
    console().print(f"The control panel is at [bold]{escape(address)}[/bold]. Stop with Ctrl-C.", soft_wrap=True)
    Voila.launch_instance(argv=server_arguments(port, token, dark=dark, browser=browser))


def server_arguments(port: int, token: str, *, dark: bool, browser: bool) -> list[str]:
    """Return the settings Voila is started with.

    Parameters
    ----------
    port
        Preferred port.
    token
        Without it, nothing is served.
    dark
        Whether the page is dark.
    browser
        Whether to open one.
    """
    return [
        str(PAGE),
        "--Voila.ip=127.0.0.1",
        f"--port={port}",
        f"--token={token}",
        f"--template={TEMPLATE}",
        f"--theme={'dark' if dark else 'light'}",
        f"--Voila.open_browser={browser}",
        "--show_tracebacks=True",  # whoever has the token may see them, and a page that says nothing helps nobody
        # A page that is closed would otherwise have every message to it kept, without bound.
        "--AsyncMappingKernelManager.buffer_offline_messages=False",
        # A kernel belongs to a page: it ends minutes after the page is gone. Bots are processes of their own.
        "--MappingKernelManager.cull_idle_timeout=300",
        "--MappingKernelManager.cull_interval=60",
    ]
