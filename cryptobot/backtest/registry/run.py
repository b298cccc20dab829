"""One recorded run."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Final, Literal

from cryptobot.core.bars import COLUMNS, BarColumns

Kind = Literal["backtest", "sweep", "walk_forward", "check"]
KINDS: Final[tuple[Kind, ...]] = ("backtest", "sweep", "walk_forward", "check")
_PACKAGES: Final = ("cryptobot", "numpy", "numba", "pandas", "vectorbt")


@dataclass(frozen=True, slots=True)
class Run:
    """What was run, on what, and what came out.

    Attributes
    ----------
    id
        Sorts by time, for example ``"20260102-030405-1f2e3d4c"``.
    time
        When it was recorded, nanoseconds since 1970-01-01 UTC.
    kind
        ``"backtest"``, ``"sweep"``, ``"walk_forward"`` or ``"check"``.
    strategy
        Its name.
    code
        Digest of its code (`cryptobot.strategy.digest.strategy_digest`).
    parameters
        Values, or for a sweep what was tried, by name.
    symbol, timeframe
        Market (``""`` when none was named) and interval.
    first, last, bars
        Open times of the first and the last bar, and how many there are.
    data
        Digest of the bars: the same digest means the same bars to the last digit.
    assumptions
        Costs, cash, sizing, market rules, limits.
    results
        Figures by name.
    versions
        Of Python and of the packages that computed it.
    tables
        Names of the tables kept with it.
    """

    id: str
    time: int
    kind: Kind
    strategy: str
    code: str
    parameters: Mapping[str, Any]
    symbol: str
    timeframe: str
    first: int
    last: int
    bars: int
    data: str
    assumptions: Mapping[str, Any]
    results: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()


def bars_digest(bars: BarColumns) -> str:
    """Return a digest of all times, prices and volumes, 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("time", *COLUMNS):
        digest.update(
            getattr(bars, name).data if getattr(bars, name).flags.c_contiguous else getattr(bars, name).tobytes()
        )
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed has no part in the result
    return found
