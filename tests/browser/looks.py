"""How the panel looks, held against small pictures of how it should: blocks of ten pixels, so that fonts may differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

REFERENCES: Final = Path(__file__).parent / "references"
THEMES: Final = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SIZE: Final = {"width": 1400, "height": 1300}
BLOCK: Final = 10  # px
# A block may be so far off (of 255) before it counts, and so many of a hundred may count. Other fonts make letters a
# little wider, which few blocks notice; a pane that is gone or a wrong background is seen by many.
FAR: Final = 10.0
MANY: Final = 8.0

# The same bars, trades and texts every time: a replay that has come to its end.
CELLS: Final = (
    """
import cryptobot as cb
bars = cb.practice_bars(600, seed=7, timeframe="15m")
exchange = cb.ReplayExchange(bars)
limits = cb.Limits(max_daily_loss=800, stop_loss=0.02)
bot = cb.Bot(cb.MovingAverageCrossover(fast=8, slow=30), exchange=exchange, limits=limits, name="reference")
bot.run()
""",
    "panel = cb.ControlPanel(bot)\npanel.add_indicator(cb.RSI(14))\npanel",
)


def photograph(opened: Any, name: str, path: Path) -> None:
    """Photograph a panel of `CELLS` in a theme."""
    page: Page = opened.page
    opened.theme(THEMES[name])
    page.wait_for_selector(".cb-pane .stick", state="attached")
    page.mouse.move(2, 2)
    page.wait_for_timeout(1500)
    page.locator(".cb-panel").screenshot(path=path, animations="disabled")


def blocks(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the mean colour of each block of a picture, shape (rows, columns, 3)."""
    with Image.open(path) as picture:
        return np.asarray(shrunk(picture), dtype=np.float64)


def shrunk(picture: Image.Image) -> Image.Image:
    """Make a picture ten times smaller."""
    size = (picture.width // BLOCK, picture.height // BLOCK)
    return picture.convert("RGB").resize(size, Image.Resampling.BOX)


def share_that_differs(seen: Path, reference: Path) -> float:
    """Return how many blocks of a hundred are far off; all of them where the size is another."""
    with Image.open(reference) as kept:
        wanted = np.asarray(kept.convert("RGB"), dtype=np.float64)
    found = blocks(seen)
    if abs(found.shape[0] - wanted.shape[0]) > 1 or abs(found.shape[1] - wanted.shape[1]) > 1:
        return 100.0
    rows, columns = (min(found.shape[axis], wanted.shape[axis]) for axis in (0, 1))
    off = np.abs(found[:rows, :columns] - wanted[:rows, :columns]).max(axis=2)
    return float(100 * (off > FAR).mean())
