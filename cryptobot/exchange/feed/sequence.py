"""Which candles of an answer are closed bars that nobody was given yet: pure, without clock or network."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from cryptobot.core.bars import Hole
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar

_HOLES_KEPT: Final = 10_000


class BarSequence:
    """Turns answers about candles into each closed bar once, in order.

    A candle is closed if a later one stands in the same answer, or if the exchange's own time, asked for before the
    candles, is `settle` past its end. A candle that is missing is waited for a little; then it is a hole.

    Parameters
    ----------
    timeframe
        Interval of a bar.
    since
        Open time of the first bar to be given, nanoseconds since 1970-01-01 UTC.
    patience
        For how many seconds of the caller's clock a missing candle may still come, once the one after it has closed.
        Nobody waits for what is a whole bar older than that.

    Attributes
    ----------
    next
        Open time of the bar that is expected next.
    newest
        Open time of the newest candle that was ever in an answer, closed or not; one bar before ``since`` at first.
    waits
        Whether a closed bar is being held back, because one before it is missing.
    holes
        Where bars are missing, the newest 10,000.
    """

    def __init__(self, timeframe: Timeframe, since: int, *, patience: float = 1.0) -> None:
        self.next = since
        self.newest = since - timeframe.nanoseconds
        self.waits = False
        self.holes: deque[Hole] = deque(maxlen=_HOLES_KEPT)
        self._step = timeframe.nanoseconds
        self._patience = patience
        self._gap_seen: tuple[int, float] | None = None

    @property
    def settle(self) -> int:
        """How far past a candle's end time alone proves it closed: exchanges book the last trades a little late."""
        return min(2_000_000_000, self._step // 10)

    def closed(self, answer: Iterable[Bar], now: int | None, at: float) -> list[Bar]:
        """Take an answer and return the bars that it proves closed.

        Parameters
        ----------
        answer
            Candles in any order; the last of those with the same time counts.
        now
            The exchange's time as it was before it answered, nanoseconds since 1970-01-01 UTC, or None.
        at
            Seconds of the caller's monotonic clock.
        """
        self.waits = False
        rows = sorted({bar.time: bar for bar in answer if bar.time >= self.next}.items())
        if not rows:
            return []
        last = rows[-1][0]
        self.newest = max(self.newest, last)
        if now is None or now < last + self._step + self.settle:
            rows.pop()
        given: list[Bar] = []
        for time, bar in rows:
            if time > self.next and self._may_still_come(time, max(now or 0, last), at):
                self.waits = True
                break
            if time - self.next >= self._step:
                self.holes.append(Hole(self.next - self._step, time, (time - self.next) // self._step))
            given.append(bar)
            self.next = time + self._step
        return given

    def _may_still_come(self, time: int, latest: int, at: float) -> bool:
        """Whether candles between `next` and ``time`` are still waited for."""
        if latest >= time + 2 * self._step:
            return False
        if self._gap_seen is None or self._gap_seen[0] != self.next:
            self._gap_seen = (self.next, at)
        return at - self._gap_seen[1] < self._patience
