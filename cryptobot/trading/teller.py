"""What a bot says to its log, its journal, its channels and its listeners, once its orders are on their way."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from cryptobot.trading.actions import Level, Notice
from cryptobot.trading.discreet import discreet
from cryptobot.trading.notifier import Notifier
from cryptobot.trading.recorder import Recorder


class Teller:
    """Says things, from any thread, without holding an order up.

    Parameters
    ----------
    log
        Takes a level, a text, and what it is about.
    recorder
        Of the bot's journal.
    notifier
        What tells people outside, or None.
    heard
        Gets every notice that people are told.
    changed
        Called when something new can be read.
    failed
        Gets what went wrong while something was said that had been kept back.
    """

    def __init__(
        self,
        log: Callable[[Level, str, Mapping[str, str] | None], None],
        recorder: Recorder,
        notifier: Notifier | None,
        heard: Callable[[Notice], None],
        changed: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._log = log
        self._recorder = recorder
        self._notifier = notifier
        self._heard = heard
        self._changed = changed
        self._failed = failed
        self._waiting: deque[Callable[[], None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None
        self._unsafe = False  # whether something waits in the journal's memory

    @contextlib.contextmanager
    def after_orders(self) -> Iterator[None]:
        """Keep back what this thread says until its loop is free, for an order's answer for example, or the block ends."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        try:
            yield
        finally:
            self._thread = None
            self._catch_up()

    def tell(self, notice: Notice) -> None:
        """Tell people something."""
        self._say(lambda: self._tell(notice))

    def log(self, level: Level, text: str, facts: Mapping[str, str] | None = None) -> None:
        """Write a line of the log."""
        self._say(lambda: self._write(level, text, facts))

    def _write(self, level: Level, text: str, facts: Mapping[str, str] | None) -> None:
        self._log(level, text, facts)
        self._changed()

    def _tell(self, notice: Notice) -> None:
        notice = discreet(notice)
        self._write(notice.level, notice.text, notice.facts)
        if notice.level != "debug":
            self._recorder.write("notice", notice, durable=notice.level == "error")
            self._unsafe = notice.level != "error"
            if self._notifier is not None:
                self._notifier.told(notice, written=self._recorder.failing is None)
            self._heard(notice)

    def _say(self, words: Callable[[], None]) -> None:
        if self._loop is None or self._thread != threading.get_ident():
            words()
            return
        if not self._waiting:
            self._unsafe = False
            self._loop.call_soon(self._while_waiting)
        self._waiting.append(words)

    def _while_waiting(self) -> None:
        self._catch_up()
        if self._unsafe:  # the order that is on its way was written down before it, and would have made it safe
            self._unsafe = False
            self._recorder.flush()

    def _catch_up(self) -> None:
        while self._waiting:
            try:
                self._waiting.popleft()()
            except Exception as error:  # noqa: BLE001 - the loop would only log it: the bot must hear of it
                self._failed(error)
