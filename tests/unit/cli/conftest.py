"""The command line, run in this process."""

from __future__ import annotations

import sys

import pytest

from cryptobot.cli import main
from tests.ran import Ran


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run ``cryptobot`` with these words."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["cryptobot", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 1
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def bars_file(tmp_path):
    """A small file of bars with a hole."""
    import cryptobot as cb

    file = tmp_path / "candles.feather"
    cb.practice_bars(600, seed=3, holes=2).reset_index().to_feather(file)
    return file
