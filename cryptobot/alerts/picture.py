"""A small picture of the equity, as a PNG file's bytes: a line over a tint, with the start as a thin line."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WIDTH: Final = 480
_HEIGHT: Final = 160
_FINE: Final = 3  # drawn so many times larger and averaged, which makes edges smooth
_MARGIN: Final = 10
_PAPER: Final = (255, 255, 255)
_GRID: Final = (205, 208, 213)
_UP: Final = (26, 137, 91)
_DOWN: Final = (196, 55, 61)
_TINT: Final = 0.16


def equity_picture(values: Sequence[float]) -> bytes | None:
    """Draw the equity.

    Parameters
    ----------
    values
        Oldest first. What is not finite is left out.

    Returns
    -------
    bytes or None
        A PNG file; None where fewer than two values are there to draw.
    """
    import numpy as np

    known = [float(value) for value in values if math.isfinite(value)]
    if len(known) < 2:
        return None
    most = max(map(abs, known)) or 1.0
    series = np.array(known) / most  # so that no difference overflows
    low, high = float(series.min()), float(series.max())
    flat = high - low < 1e-12
    width, height, margin = _WIDTH * _FINE, _HEIGHT * _FINE, _MARGIN * _FINE
    share = np.full(len(series), 0.5) if flat else (series - low) / (high - low)
    depth = margin + (1.0 - share) * (height - 1 - 2 * margin)
    line = np.interp(np.linspace(0, len(depth) - 1, width), np.arange(len(depth)), depth)
    canvas = np.empty((height, width, 3))
    canvas[:] = _PAPER
    colour = np.array(_UP if known[-1] >= known[0] else _DOWN, dtype=float)
    rows = np.arange(height)[:, None]
    canvas[rows > line] += (colour - _PAPER) * _TINT
    canvas[np.abs(rows - depth[0]).ravel() < _FINE / 2] = _GRID
    before, after = np.minimum(line[:-1], line[1:]), np.maximum(line[:-1], line[1:])
    drawn = (rows >= np.append(before, line[-1]) - _FINE) & (rows <= np.append(after, line[-1]) + _FINE)
    canvas[drawn] = colour
    small = canvas.reshape(_HEIGHT, _FINE, _WIDTH, _FINE, 3).mean(axis=(1, 3)).round()
    return _png(small.astype(np.uint8))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Write rows of red, green and blue as a PNG file."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
