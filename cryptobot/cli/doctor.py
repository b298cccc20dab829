"""``cryptobot doctor``: what is there, what is missing, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

import typer
from rich.markup import escape
from rich.table import Table

import cryptobot
from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

# Package, extra that brings it, and what cannot be done without it.
_PACKAGES: Final = (
    ("numpy", "", "anything"),
    ("numba", "", "backtests and checks"),
    ("pandas", "", "bars"),
    ("pyarrow", "", "feather and parquet files"),
    ("vectorbt", "research", "backtests"),
    ("plotly", "research", "the charts of a backtest"),
    ("jupyterlab", "lab", "cryptobot lab"),
    ("ipywidgets", "lab", "the control panel"),
    ("bqplot", "lab", "the control panel's chart"),
    ("anywidget", "lab", "the control panel"),
)
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What was looked at.
    state
        ``"ok"``; ``"missing"`` when something optional is not there; ``"bad"`` when it must be mended.
    seen
        What was found.
    advice
        How to mend it, or an empty text.
    """

    name: str
    state: Literal["ok", "missing", "bad"]
    seen: str
    advice: str = ""


def doctor(json: JsonOption = False) -> None:
    """Look at versions, numba's cache, Chromium, ports and settings, and say how to mend what is not right.

    Exit code 1 when something must be mended. Secrets are never shown.

    \b
    Examples:
      cryptobot doctor
      cryptobot doctor --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    findings = [_python(), *_packages(), _numba_cache(), _chromium(), _port(8888), *_settings()]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        marks = {"ok": "[green]✓[/green]", "missing": "[yellow]–[/yellow]", "bad": "[red]✗[/red]"}
        table = Table(box=None, padding=(0, 2), show_header=False)
        for finding in findings:
            advice = f"\n[dim]{escape(finding.advice)}[/dim]" if finding.advice else ""
            table.add_row(marks[finding.state], escape(finding.name), escape(finding.seen) + advice)
        console().print(table)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    seen = f"{platform.python_version()} on {platform.system()} {platform.machine()}, cryptobot {cryptobot.__version__}"
    return Finding("Python", "ok" if good else "bad", seen, "" if good else "Use Python 3.11, 3.12 or 3.13.")


def _packages() -> list[Finding]:
    found = []
    for package, extra, use in _PACKAGES:
        if importlib.util.find_spec(package) is not None:
            found.append(Finding(package, "ok", metadata.version(package)))
            continue
        how = f"pip install '.[{extra}]' in the checkout" if extra else "pip install . in the checkout"
        found.append(
            Finding(package, "missing" if extra else "bad", f"not installed: needed for {use}", f"Get it: {how}.")
        )
    return found


def _numba_cache() -> Finding:
    advice = (
        "Set NUMBA_CACHE_DIR to a folder that can be written, or the first backtest of every process compiles anew."
    )
    configured = os.environ.get("NUMBA_CACHE_DIR")
    beside = Path(cryptobot.__file__).parent / "strategy" / "__pycache__"
    candidates = [Path(configured)] if configured else [beside, Path.home() / ".cache" / "numba"]
    for folder in candidates:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return Finding("numba cache", "ok", str(folder))
        except OSError:
            continue
    return Finding("numba cache", "missing", f"cannot write to {candidates[0]}", advice)


def _chromium() -> Finding:
    for name in _BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return Finding("Chromium", "ok", path)
    advice = "Only the browser tests need it. Debian and Ubuntu: apt-get install chromium."
    return Finding("Chromium", "missing", "not found", advice)


def _port(port: int) -> Finding:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            advice = f"cryptobot lab takes the next free one; or choose: cryptobot lab --port {port + 100}."
            return Finding(f"port {port}", "missing", "in use by another program", advice)
    return Finding(f"port {port}", "ok", "free")


def _settings() -> list[Finding]:
    from cryptobot.core.settings import Settings

    file = Path(".env")
    where = (
        Finding(".env", "ok", str(file.resolve()))
        if file.is_file()
        else Finding(
            ".env", "missing", "none in this folder", "Only needed for keys and alerts; the practice market needs none."
        )
    )
    try:
        settings = Settings.load()
    except ConfigError as error:
        return [where, Finding("settings", "bad", str(error))]
    known = settings.secrets()
    names = ("binance_api_key", "binance_api_secret", "slack_webhook_url")
    keys = [Finding(name.upper(), *(("ok", "set") if name in known else ("missing", "not set"))) for name in names]
    return [where, *keys]
