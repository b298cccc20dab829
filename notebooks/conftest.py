"""What the executed notebooks share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _home_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let the notebooks record their runs, as a reader's do, but nowhere near the home directory."""
    os.environ["CRYPTOBOT_DATA_DIRECTORY"] = str(tmp_path_factory.mktemp("notebooks"))
    os.environ["CRYPTOBOT_RECORD_RUNS"] = "true"
