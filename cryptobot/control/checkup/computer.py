"""The computer itself: Python, packages, numba's cache, Chromium, ports."""

from __future__ import annotations

import importlib.util
import inspect
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Final

from cryptobot.control.checkup.finding import Finding
from cryptobot.strategy.base import Strategy

# Package, what it is called where it is installed, extra that brings it, and what cannot be done without it.
_PACKAGES: Final = (
    ("numpy", "numpy", "", "anything"),
    ("numba", "numba", "", "backtests and checks"),
    ("pandas", "pandas", "", "bars"),
    ("pyarrow", "pyarrow", "", "feather and parquet files"),
    ("apsw", "apsw", "", "journals"),
    ("vectorbt", "vectorbt", "research", "backtests"),
    ("plotly", "plotly", "research", "the charts of a backtest"),
    ("jupyterlab", "jupyterlab", "lab", "cryptobot lab"),
    ("ipywidgets", "ipywidgets", "lab", "the control panel"),
    ("bqplot", "bqplot", "lab", "the control panel's chart"),
    ("anywidget", "anywidget", "lab", "the control panel"),
    ("aiohttp", "aiohttp", "live", "exchanges and bots in processes of their own"),
    ("ccxt", "ccxt", "live", "exchanges"),
    ("slack_sdk", "slack-sdk", "live", "Slack"),
    ("mcp", "mcp", "server", "the price server's assistants"),
)
_REQUIREMENT: Final = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?\s*(?P<versions>[^;]*)")
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def computer() -> list[Finding]:
    """Look at the computer."""
    return [
        _python(),
        *_packages(),
        _numba_cache(),
        _chromium(),
        port(8888, "cryptobot lab"),
        port(8808, "cryptobot serve"),
    ]


def _python() -> Finding:
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    version = metadata.version("cryptobot")
    seen = f"{platform.python_version()} on {platform.system()} {platform.machine()}, cryptobot {version}"
    return Finding("Python", "ok" if good else "bad", seen, "" if good else "Use Python 3.11, 3.12 or 3.13.")


def _packages() -> list[Finding]:
    allowed = _allowed()
    found = []
    for package, name, extra, use in _PACKAGES:
        how = f"pip install '.[{extra}]' in the checkout" if extra else "pip install . in the checkout"
        if importlib.util.find_spec(package) is None:
            state = "missing" if extra else "bad"
            found.append(Finding(package, state, f"not installed: needed for {use}", f"Get it: {how}."))  # type: ignore[arg-type]
            continue
        version, wanted = metadata.version(name), allowed.get(name, "")
        if _fits(version, wanted):
            found.append(Finding(package, "ok", version))
        else:
            found.append(Finding(package, "bad", f"{version}: allowed is {wanted}", f"Get another one: {how}."))
    return found


def _allowed() -> dict[str, str]:
    """Return the versions that this release was made for, by the package's name."""
    wanted = (_REQUIREMENT.match(line) for line in metadata.requires("cryptobot") or [])
    return {match["name"]: match["versions"].strip() for match in wanted if match is not None}


def _fits(version: str, wanted: str) -> bool:
    """Whether a version is among those that are allowed; where that cannot be told, it is taken to be."""
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:
        return True
    return SpecifierSet(wanted).contains(version, prereleases=True)


def _numba_cache() -> Finding:
    advice = (
        "Set NUMBA_CACHE_DIR to a folder that can be written, or the first backtest of every process compiles anew."
    )
    configured = os.environ.get("NUMBA_CACHE_DIR")
    beside = Path(inspect.getfile(Strategy)).parent / "__pycache__"
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
    for name in (os.environ.get("CRYPTOBOT_CHROMIUM", ""), *_BROWSERS):
        path = shutil.which(name) if name else None
        if path is not None:
            return Finding("Chromium", "ok", path)
    advice = "Only the browser tests need it. Debian and Ubuntu: apt-get install chromium."
    return Finding("Chromium", "missing", "not found", advice)


def port(number: int, command: str) -> Finding:
    """Look whether a port of this computer is free."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            advice = f"{command} takes the next free one; or choose: {command} --port {number + 100}."
            return Finding(f"port {number}", "missing", "in use by another program", advice)
    return Finding(f"port {number}", "ok", "free")
