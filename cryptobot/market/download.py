"""Filling the store from an exchange: only what is missing, verified, as far as it gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from cryptobot.core.bars import problem_of, time_text
from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import TransientError
from cryptobot.core.types import Bar
from cryptobot.market.source import CandleSource
from cryptobot.market.store.series import Series
from cryptobot.market.store.spans import Span

T = TypeVar("T")
Progress = Callable[[int, int], None]

_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_ROWS_KEPT: Final = 20_000  # in memory, before they are written down
_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
# Exchanges book the last trades of a candle a little late.
_SETTLE: Final = 2 * _SECOND
# How old a stretch without candles must be before it is a hole for good: until then they may still come, and are asked
# for again. At least ten bars.
_LATE: Final = 3600 * _SECOND


@dataclass(slots=True)
class Downloaded:
    """What a download did.

    Attributes
    ----------
    bars
        How many bars were added.
    questions
        How often the source was asked for candles.
    refused
        Candles that are impossible and were left out: open time and what is wrong. They are holes.
    damaged
        Files that were cut off or changed, and are replaced.
    """

    bars: int = 0
    questions: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """What a reader should be told, or an empty text."""
        parts = [f"{file} was cut off or damaged; its bars were downloaded again." for file in self.damaged]
        if self.refused:
            time, problem = self.refused[0]
            parts.append(
                f"{len(self.refused)} candles are impossible and were left out as holes; the first is that of "
                f"{time_text(time)}: {problem}."
            )
        return " ".join(parts)


async def download(
    source: CandleSource,
    series: Series,
    span: Span,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Downloaded:
    """Ask a source for all closed bars of a stretch of time that the store does not have.

    What arrived is written down whatever ends the download, and is not asked for again.

    Parameters
    ----------
    source
        Where candles are asked for.
    series
        Where they are kept.
    span
        Open times from (included) to (left out), nanoseconds since 1970-01-01 UTC; may reach into the future.
    clock
        For pauses after failures.
    progress
        Is called with how many bars' time is done, and how many there are in all.

    Raises
    ------
    ConfigError
        If the market or the interval is unknown to the source, or the store cannot be written to.
    TransientError
        If the source cannot be reached within a few seconds, or fails later on for a minute.
    """
    stored = series.scan(span)
    done = Downloaded(damaged=[str(file) for file in stored.damaged])
    if stored.missing:
        run = _Download(source, series, clock or SystemClock(), done, progress)
        await run.look_at_clock()
        await run.fill_all(stored.missing)
    return done


class _Download:
    def __init__(
        self, source: CandleSource, series: Series, clock: Clock, done: Downloaded, progress: Progress | None
    ) -> None:
        self._source = source
        self._series = series
        self._clock = clock
        self._done = done
        self._progress = progress
        self._step = series.name.timeframe.nanoseconds
        self._late = max(_LATE, 10 * self._step)
        self._now = 0
        self._total = self._before = 0  # bars' time, in all and in the stretches that are done

    async def look_at_clock(self) -> None:
        """Ask for the source's time: all that had closed by then is proved closed."""
        # Who cannot be reached at all is soon told so; patience is for a download that has begun.
        self._now = await self._patiently(self._source.now, _PAUSES[:2])

    async def fill_all(self, missing: list[Span]) -> None:
        """Ask for missing stretches, as far as bars are certain to have closed by now."""
        last = self._now - self._step - _SETTLE
        gaps = [Span(gap.start, min(gap.end, last + 1)) for gap in missing if gap.start <= last]
        self._total = sum(self._bars_in(gap.start, gap.end) for gap in gaps)
        for gap in gaps:
            await self._fill(gap)
            self._before += self._bars_in(gap.start, gap.end)
            self._tell(0)

    async def _fill(self, gap: Span) -> None:
        at, kept, kept_from = gap.start, list[Bar](), gap.start
        try:
            while at < gap.end:
                page = await self._page(at)
                rows = [bar for bar in page if bar.time < gap.end]
                kept += rows
                if len(rows) < len(page):
                    at = gap.end
                elif rows:
                    at = rows[-1].time + self._step
                else:
                    at = max(at, min(gap.end, self._now - self._late))
                self._tell(self._bars_in(gap.start, min(at, gap.end)))
                if len(kept) >= _ROWS_KEPT:
                    self._keep(kept, Span(kept_from, at))
                    kept, kept_from = [], at
                if not page:
                    break
        finally:
            self._keep(kept, Span(kept_from, min(at, gap.end)))

    async def _page(self, since: int) -> list[Bar]:
        """Return the next candles, in order, each once."""
        name = self._series.name
        self._done.questions += 1
        answer = await self._patiently(lambda: self._source.candles(name.symbol, name.timeframe, since))
        return sorted({bar.time: bar for bar in answer if bar.time >= since}.values())

    def _keep(self, bars: list[Bar], span: Span) -> None:
        sound = []
        for bar in bars:
            problem = problem_of(bar)
            if problem is None and bar.time % min(self._step, _DAY):
                problem = f"it opens between the steps of {self._series.name.timeframe} bars"
            if problem is None:
                sound.append(bar)
            else:
                self._done.refused.append((bar.time, problem))
        if span.start < span.end:
            for rows, sure in _pieces(sound, span, self._step, self._now - self._late):
                self._series.add(rows, sure)
            self._done.bars += len(sound)

    async def _patiently(self, ask: Callable[[], Awaitable[T]], pauses: Sequence[float] = _PAUSES) -> T:
        for pause in pauses:
            try:
                return await ask()
            except TransientError:
                await self._clock.sleep(pause)
        return await ask()

    def _bars_in(self, start: int, end: int) -> int:
        return -(-(end - start) // self._step)

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(self._before + done, self._total)


def _pieces(bars: list[Bar], span: Span, step: int, sure: int) -> Iterator[tuple[list[Bar], Span]]:
    """Divide a stretch where candles are missing after ``sure``: about these nothing is claimed."""
    start, expected, rows = span.start, span.start, list[Bar]()
    for bar in bars:
        if bar.time - expected >= step and bar.time > sure:
            known = max(expected, sure)
            if start < known:
                yield rows, Span(start, known)
            start, rows = bar.time, []
        rows.append(bar)
        expected = bar.time + step
    end = max(expected, sure) if span.end - expected >= step else span.end
    if start < end:
        yield rows, Span(start, min(end, span.end))
