"""Tables as a run keeps them: small, and writable as Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

# Enough for a curve on any screen; the whole equity can be computed again from the bars.
_POINTS: Final = 2_000


def thinned(frame: pd.DataFrame) -> pd.DataFrame:
    """Return at most 2,000 rows at equal distances, the last one among them."""
    step = -(-len(frame) // _POINTS)
    return frame.iloc[::-step].iloc[::-1]


def storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table that Parquet can hold: whole numbers beyond 64 bits, which a parameter may have, become text."""
    objects = [str(name) for name in frame if frame[name].dtype.kind == "O"]
    wide = {name: frame[name].map(str) for name in objects if any(map(_is_wide, frame[name]))}
    return frame.assign(**wide)


def _is_wide(value: Any) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**63
