"""The settings the web page is started with, and what is said when it cannot be."""

from __future__ import annotations

import importlib.util
import json

import pytest
from typer.testing import CliRunner

from cryptobot.cli import dashboard
from cryptobot.cli.app import app
from cryptobot.core.errors import ConfigError


def test_the_page_is_served_safely():
    settings = dashboard.server_arguments(8866, "secret", dark=True, browser=False)
    assert "--Voila.ip=127.0.0.1" in settings
    assert "--token=secret" in settings
    assert "--AsyncMappingKernelManager.buffer_offline_messages=False" in settings
    assert "--theme=dark" in settings
    assert "--theme=light" in dashboard.server_arguments(0, "secret", dark=False, browser=True)


def test_the_page_ships_and_is_clean():
    page = json.loads(dashboard.PAGE.read_text("utf-8"))
    (cell,) = page["cells"]
    assert cell["outputs"] == []
    assert "cb.ControlPanel" in "".join(cell["source"])
    assert dashboard.NAMED in "".join(cell["source"])


def test_without_voila_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"needs voila.*\[dashboard\]"):
        dashboard.dashboard()


def test_it_is_a_command():
    shown = CliRunner().invoke(app, ["dashboard", "--help"])
    assert shown.exit_code == 0
    assert "web page" in shown.output
