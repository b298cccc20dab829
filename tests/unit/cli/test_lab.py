"""The settings that JupyterLab is started with."""

from __future__ import annotations

import sys

import pytest

from cryptobot.cli import lab
from cryptobot.core.errors import ConfigError


def test_the_server_is_safe(tmp_path):
    settings = lab.server_arguments(tmp_path, 8888, browser=False)
    assert "--ServerApp.ip=127.0.0.1" in settings
    assert "--ServerApp.allow_remote_access=False" in settings
    assert "--AsyncMappingKernelManager.buffer_offline_messages=False" in settings
    assert not any("token" in setting.lower() or "password" in setting.lower() for setting in settings)


def test_it_opens_the_quickstart_where_there_is_one(tmp_path):
    assert "--LabApp.default_url=/lab" in lab.server_arguments(tmp_path, 8888, browser=False)
    (tmp_path / "00_quickstart.ipynb").write_text("{}")
    assert "--LabApp.default_url=/lab/tree/00_quickstart.ipynb" in lab.server_arguments(tmp_path, 0, browser=True)


def test_a_checkout_uses_its_own_notebooks():
    assert (lab.notebooks() / "00_quickstart.ipynb").is_file()
    assert lab.notebooks().name == "notebooks"


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Pretend there is no checkout, only an installation below tmp_path/env."""
    monkeypatch.setattr(lab, "__file__", str(tmp_path / "env" / "lib" / "cryptobot" / "cli" / "lab.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "env" / "share" / "cryptobot" / "notebooks"


def test_an_installation_copies_its_notebooks_and_keeps_what_the_user_changed(installed):
    with pytest.raises(ConfigError, match="notebooks are missing"):
        lab.notebooks()
    installed.mkdir(parents=True)
    for name in ("00_quickstart.ipynb", "01_data.ipynb"):
        (installed / name).write_text("shipped")
    mine = lab.notebooks()
    assert {file.read_text() for file in mine.iterdir()} == {"shipped"}
    (mine / "01_data.ipynb").write_text("changed")
    assert (lab.notebooks() / "01_data.ipynb").read_text() == "changed"
