"""The pulse between kernel and page: acknowledged frames, heartbeat, JavaScript errors.

The widget protocol has no flow control: a kernel that sends faster than a page paints fills queues without bound. Here
every frame carries a number that each open page acknowledges after painting; the next frame is sent only then, so a slow
page sees fewer frames and never old ones, and nothing but a heartbeat is sent while nobody looks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anywidget
import traitlets

from cryptobot.notebook.needs import asset

BEAT_SECONDS = 0.75
PROBE_SECONDS = 2.0
SILENT_SECONDS = 3.0  # a page that looks answers every heartbeat; one that does not was closed, or is not painting
FORGET_SECONDS = 60.0
MAX_REPORTS = 50
SHEETS = ("panel.css", "chart.css", "tables.css", "narrow.css")  # a later one wins


@dataclass(slots=True)
class View:
    """One page that shows the panel.

    Attributes
    ----------
    acknowledged
        Number of the newest frame it has painted.
    heard
        When it last spoke, in the seconds of the caller's clock.
    visible
        Whether its tab is in front.
    """

    acknowledged: int
    heard: float
    visible: bool


class Frames(anywidget.AnyWidget):
    """Counts frames out and acknowledgements in.

    Parameters
    ----------
    now
        A monotonic clock in seconds.
    wake
        Called, from whatever thread the message arrives on, when a page has spoken.
    on_error
        Called with the text of a JavaScript error of the panel.
    """

    _esm = asset("frames.js")
    _css = "".join(map(asset, SHEETS))
    busy = traitlets.Unicode(help="What can be done while a cell keeps the kernel busy.").tag(sync=True)
    lost = traitlets.Unicode(help="Why what is shown is old although the kernel lives, or empty.").tag(sync=True)

    def __init__(
        self, now: Callable[[], float], wake: Callable[[], None], on_error: Callable[[str], None], **traits: Any
    ) -> None:
        super().__init__(**traits)
        self._now = now
        self._wake = wake
        self._on_error = on_error
        self._guard = threading.Lock()
        self._views: dict[str, View] = {}
        self._sent = 0
        self._sent_at = float("-inf")
        self._reports = 0
        self._lag: float | None = None
        self.on_msg(self._receive)

    @property
    def sent(self) -> int:
        """Number of frames and heartbeats sent so far."""
        return self._sent

    @property
    def lag(self) -> float | None:
        """Seconds from the newest frame that was painted to its acknowledgement, or None before the first."""
        return self._lag

    def ready(self) -> bool:
        """Whether a frame may be sent: somebody looks, and everybody who looks has painted the last one."""
        with self._guard:
            looking = self._looking()
            return bool(looking) and all(view.acknowledged >= self._sent for view in looking)

    def _looking(self) -> list[View]:
        """Return the pages in front that have spoken lately: a page that was closed must not hold up the others."""
        now = self._now()
        return [view for view in self._views.values() if view.visible and now - view.heard <= SILENT_SECONDS]

    def beat_due(self) -> bool:
        """Whether pages would begin to doubt that the kernel is alive (every two seconds when none is known)."""
        with self._guard:
            now = self._now()
            for name in [name for name, view in self._views.items() if now - view.heard > FORGET_SECONDS]:
                del self._views[name]
            return now - self._sent_at >= (BEAT_SECONDS if self._views else PROBE_SECONDS)

    def beat(self) -> None:
        """Close a frame, or show that the kernel lives: pages acknowledge it when they have painted all before it."""
        with self._guard:
            self._sent += 1
            self._sent_at = self._now()
            heard = {name: view.acknowledged for name, view in self._views.items()}
            number = self._sent
        self.send({"beat": number, "heard": heard})

    def _receive(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Take one message of a page. Runs on the kernel's thread: it only notes and wakes."""
        name = str(content.get("view", ""))[:40]
        with self._guard:
            if "bye" in content:
                self._views.pop(name, None)
            else:
                known = self._views.get(name)
                # A page that has just come is owed a frame at once, whatever others have yet to paint.
                acknowledged = int(content.get("ack", known.acknowledged if known else self._sent))
                self._views[name] = View(acknowledged, self._now(), bool(content.get("visible", True)))
                if "ack" in content and acknowledged == self._sent:
                    self._lag = self._now() - self._sent_at
            report = "error" in content and self._reports < MAX_REPORTS
            self._reports += report
        if report:
            source, stack = str(content.get("source", "")), str(content.get("stack", ""))
            self._on_error(f"JavaScript: {content['error']} ({source}) {stack.splitlines()[1:2] or ''}".strip())
        self._wake()
