"""``cryptobot lab``: JupyterLab on the quickstart, with safe settings."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from cryptobot.cli.terminal import console
from cryptobot.core.errors import ConfigError

_FIRST = "00_quickstart.ipynb"
# Defaults of JupyterLab that suit a panel; what the user sets in JupyterLab wins over them. No question about news. And
# no subshells for widgets' messages: with two pages open they were sometimes left unread until the next cell ran.
QUIET_DEFAULTS = Path(__file__).parent / "jupyter"


def lab(
    directory: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of notebooks. Default: those of this checkout, or a copy in ./cryptobot-notebooks."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Preferred port; the next free one is taken.")
    ] = 8888,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> None:
    """Open JupyterLab on the quickstart notebook: a bot on the practice market, with its control panel.

    It listens on this machine only, asks for a token, and keeps nothing in memory for tabs that are closed.

    \b
    Examples:
      cryptobot lab
      cryptobot lab --no-browser --port 9000
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigError(
            "JupyterLab is not installed. Install the extras: pip install '.[lab,research]' in the checkout."
        )
    from jupyterlab.labapp import LabApp

    folder = directory if directory is not None else notebooks()
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder. Name a folder with notebooks, or leave it out.")
    paths = [os.environ.get("JUPYTER_CONFIG_PATH"), str(QUIET_DEFAULTS)]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    console().print(f"Notebooks in {folder}. Stop with Ctrl-C.")
    LabApp.launch_instance(argv=server_arguments(folder, port, browser=browser))


def server_arguments(folder: Path, port: int, *, browser: bool) -> list[str]:
    """Return the settings JupyterLab is started with.

    Parameters
    ----------
    folder
        Root of the file browser.
    port
        Preferred port.
    browser
        Whether to open one.
    """
    first = f"/lab/tree/{_FIRST}" if (folder / _FIRST).is_file() else "/lab"
    settings = [
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url={first}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=50",
        "--ServerApp.allow_remote_access=False",
        "--ServerApp.answer_yes=True",
        # A tab that is closed would otherwise have every message to it kept, without bound.
        "--AsyncMappingKernelManager.buffer_offline_messages=False",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        f"--ServerApp.open_browser={browser}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        settings.append("--ServerApp.allow_root=True")  # containers
    return settings


def notebooks() -> Path:
    """Return the checkout's notebooks, or a copy of the installed ones that is the user's to change.

    Raises
    ------
    ConfigError
        If the installation has none.
    """
    checkout = Path(__file__).parents[2] / "notebooks"
    if (checkout / _FIRST).is_file():
        return checkout
    mine = Path.cwd() / "cryptobot-notebooks"
    shipped = Path(sys.prefix) / "share" / "cryptobot" / "notebooks"
    if not (shipped / _FIRST).is_file():
        if mine.is_dir():
            return mine
        raise ConfigError(
            f"The notebooks are missing from this installation ({shipped}). Install cryptobot again, or name a folder "
            "of your own: cryptobot lab FOLDER."
        )
    mine.mkdir(exist_ok=True)
    for notebook in shipped.glob("*.ipynb"):
        if not (mine / notebook.name).exists():  # what the user changed stays
            shutil.copy(notebook, mine)
    return mine
