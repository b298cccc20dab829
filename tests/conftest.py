"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_traces(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what tests store out of the home directory, in this process and in those it starts."""
    os.environ["CRYPTOBOT_DATA_DIRECTORY"] = str(tmp_path_factory.mktemp("data"))
    os.environ["CRYPTOBOT_RECORD_RUNS"] = "false"


@pytest.fixture(scope="session")
def recorded() -> Path | None:
    """The folder of recorded candles beside a development checkout, or None: then use the practice market."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    return folder if (folder / "MANIFEST.md").is_file() else None
