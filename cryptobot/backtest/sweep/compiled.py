"""How the compiled parts of a sweep are compiled, and when their cache on disk is stale.

Importing this module imports numba.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]
Flags: TypeAlias = NDArray[np.bool_]
Records: TypeAlias = NDArray[Any]
# A number and what its rounding left.
Doubled: TypeAlias = tuple[float, float]
# Closes, Σ r and Σ r² up to each row side by side, and the largest Σ r by size.
Series: TypeAlias = tuple[Floats, Floats, float]
# What `Prices.factors` returns.
Factors: TypeAlias = tuple[Floats, Floats, float, float, float, float, float]

_PARTS: Final = (
    "words64.py",
    "crossings.py",
    "book.py",
    "gates.py",
    "pairs.py",
    "doubled.py",
    "market_book.py",
    "columns.py",
)


def _load_without_algebra() -> None:
    """Load what numba needs for its first call, but not SciPy's linear algebra.

    Numba would load that only to learn whether it is there, which costs a cold start a third of a second and 15 MB.
    Functions that multiply matrices still look for it when they are compiled.
    """
    linalg: Any = importlib.import_module("numba.np.linalg")
    look = getattr(linalg, "ensure_blas", None)
    if look is None or "numba.np.arraymath" in sys.modules or importlib.util.find_spec("scipy") is None:
        return
    linalg.ensure_blas = lambda: None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = look


def _digest() -> str:
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / part).read_bytes() for part in _PARTS)).hexdigest()[:12]


_load_without_algebra()
_DIGEST: Final = _digest()


def compiled(function: F) -> F:
    """Compile a function that gives Python's lock back and is kept on disk.

    Numba's cache looks at the file of a function and not at those of the functions that it calls, so that the name of
    each carries a digest of them all. There is no ``fastmath``: the order of operations is part of the result.
    """
    function.__qualname__ = f"{function.__qualname__}_{_DIGEST}"
    try:
        made: Any = njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no place on disk to keep a cache
        made = njit(nogil=True, error_model="numpy")(function)
    return cast("F", made)
