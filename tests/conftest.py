"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recorded() -> Path | None:
    """The folder of recorded candles beside a development checkout, or None: then use the practice market."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    return folder if (folder / "MANIFEST.md").is_file() else None
