"""The version that this package came with."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """Return the version of the distribution."""
    try:
        return metadata.version("cryptobot")
    except metadata.PackageNotFoundError:
        return "0"
