"""What lies over a chart's panes: legends, price tags, crosshair. Drawn by the page from a few numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, get_args

import anywidget
import traitlets

from cryptobot.notebook.chart import Move
from cryptobot.notebook.needs import asset

MOVES: Final = get_args(Move)
MAX_KEYS: Final = 20
WIDE: Final = 900  # px, until a page has said how wide it is


class Overlay(anywidget.AnyWidget):
    """Legends, tags and crosshair over the panes. All texts are set as text, never as HTML.

    Parameters
    ----------
    wake
        Called when the mouse points at another bar or a key moves the window: :meth:`take_pointed` and
        :meth:`take_keys` then tell which.

    Attributes
    ----------
    width
        Of the chart on the page that spoke last, in pixels.
    """

    _esm = asset("overlay.js")
    view = traitlets.Dict().tag(sync=True)
    hover = traitlets.Dict().tag(sync=True)
    crosshair = traitlets.Bool(True).tag(sync=True)
    measuring = traitlets.Bool(False).tag(sync=True)

    def __init__(self, wake: Callable[[], None], **traits: Any) -> None:
        super().__init__(**traits)
        self._wake = wake
        self._guard = threading.Lock()
        self._asked = False
        self._keys: list[Move] = []
        self._pointed: float | None = None
        self.width = WIDE
        self.on_msg(self._receive)

    def _receive(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Note which bar the mouse points at, or how a key moves the window. Runs on the kernel's thread."""
        with self._guard:
            if "key" in content:
                if content["key"] in MOVES and len(self._keys) < MAX_KEYS:
                    self._keys.append(content["key"])
            elif isinstance(content.get("width"), int | float):
                self.width = int(content["width"])
            else:
                time = content.get("hover")
                self._pointed = float(time) if isinstance(time, int | float) else None
                self._asked = True
        self._wake()

    def take_keys(self) -> list[Move]:
        """Return how keys have moved the window since the last call."""
        with self._guard:
            keys, self._keys = self._keys, []
            return keys

    def take_pointed(self) -> tuple[bool, float | None]:
        """Return whether the page has asked since the last call, and the time pointed at in milliseconds."""
        with self._guard:
            asked, self._asked = self._asked, False
            return asked, self._pointed
