"""Any bar that a bot has seen, found again: in its journal, or on the tape of one that keeps no bars there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from cryptobot.core.bars import time_text
from cryptobot.core.errors import ConfigError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Intent, OcoIntent, Side
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Notice
from cryptobot.trading.explanation import Explanation
from cryptobot.trading.journal import BarSeen, BookedFill, Journal, JournalHeader, JournalView, Kind, Record
from cryptobot.trading.journal.contents import Outcome, ParametersSet
from cryptobot.trading.past_bar import PastBar, filled

if TYPE_CHECKING:
    from cryptobot.trading.bot import Bot

Maker = Callable[[ParametersSet], Strategy]
"""Makes the strategy that had these parameters."""

_BARS: Final[list[Kind]] = ["bar"]
_NEAR: Final = 1_000


def explain_past(journal: str | Path | Journal, at: int, make: Maker) -> Explanation:
    """Say why a bot did or did not trade on a bar that its journal holds.

    Parameters
    ----------
    journal
        The journal, or its file; a bot may be writing it meanwhile.
    at
        A moment within the bar, nanoseconds since 1970-01-01 UTC.
    make
        Makes the strategy that traded then.

    Raises
    ------
    ConfigError
        If there was no such bar.
    JournalError
        If the journal cannot be trusted.
    """
    if isinstance(journal, str | Path):
        from cryptobot.trading.journal.sqlite import SqliteJournal

        with SqliteJournal(journal, read_only=True) as opened:
            return explain_past(opened, at, make)
    header = journal.header
    if header is None:
        raise ConfigError("journal: it does not say whose it is, so that its bars cannot be read.")
    step = Timeframe.parse(header.timeframe).nanoseconds
    found, before, n_before = _bar_at(journal, at, step)
    told = JournalView.of(_Until(journal, found.number), bars=False)
    if not told.parameters:
        raise ConfigError(f"journal of {header.bot}: it does not say with which parameters it traded.")
    seen, parameters = found.content, told.parameters[-1]
    if before is not None and not _same_eyes(journal, n_before, found.number, parameters, told):
        before = None
    state, terms = told.trading_state, told.terms[-1] if told.terms else None
    past = PastBar(
        seen.bar,
        seen.features,
        None if before is None else (before.bar, before.features),
        long=not told.portfolio(header.market).is_flat,
        waiting=any(
            life.intent.reason.startswith(("buy signal", "sell signal")) and life.is_risk
            for life in told.lives.values()
        ),
        mode=str(header.mode),
        trading_state="active" if state is None else state.state,
        why="" if state is None or state.state == "active" else state.reason,
        limits={} if terms is None else {name: str(value) for name, value in terms.limits.items()},
    )
    _add_what_followed(journal, found.number, past, header.symbol, seen.bar.time + step)
    return past.explain(make(parameters))


def explain_on_tape(bot: Bot, at: int) -> Explanation:
    """Say why a bot of this process did or did not trade on a bar that its tape holds; see `explain_past`."""
    with bot.lock:
        engine = bot.session.engine
        tape, fills = bot.tape(None), [] if engine is None else list(engine.fills)
        intents, refused = ([], []) if engine is None else (list(engine.intents), list(engine.refused))
        strategy = bot.strategy if engine is None else engine.strategy
    plan = bot.session.plan
    step = plan.timeframe.nanoseconds
    row = int(np.searchsorted(tape.time, at, side="right")) - 1
    times = tape.time
    if row < 0 or at >= int(times[row]) + step:
        raise _no_such_bar(at, None if not times.size else (int(times[0]), int(times[-1])))

    def bar_of(index: int) -> tuple[Bar, dict[str, float]]:
        columns = (tape.open, tape.high, tape.low, tape.close, tape.volume)
        bar = Bar(int(times[index]), *(float(column[index]) for column in columns))
        return bar, {name: float(values[index]) for name, values in tape.features.items()}

    bar, features = bar_of(row)
    close = bar.time + step
    own = [fill for fill in fills if fill.time < close]
    held = sum(fill.quantity if fill.side is Side.BUY else -fill.quantity for fill in own)
    lot = 0 if engine is None else engine.market.lot_size or 0
    past = PastBar(bar, features, bar_of(row - 1) if row else None, long=held > lot, mode=bot.mode)
    answered = {fill.intent_id: fill for fill in fills} | {}
    past.intents = [intent for intent in intents if intent.time == close]
    past.answers = [filled(answered[one.id], plan.symbol) for one in past.intents if one.id in answered]
    past.refused = next((event.reason for event in refused if event.time == close), None)
    past.limits = {name: str(getattr(plan.limits, name)) for name in plan.limits.set_names()}
    return past.explain(strategy)


@dataclass(frozen=True, slots=True)
class _Until:
    """A journal as it was when it had so many records."""

    journal: Journal
    count: int

    @property
    def header(self) -> JournalHeader | None:
        return self.journal.header

    def records(self, after: int = 0, kinds: Collection[Kind] | None = None) -> Iterator[Record]:
        for record in self.journal.records(after, kinds):
            if record.number > self.count:
                return
            yield record


def _bar_at(journal: Journal, at: int, step: int) -> tuple[Record, BarSeen | None, int]:
    """Return the record of the bar that a moment lies in, the bar before it, and the number of that one's record."""
    low, high, wanted = 0, journal.count, at - 3 * step
    while high - low > _NEAR:  # bars rise with their numbers
        middle = (low + high) // 2
        record = next(iter(journal.records(middle, _BARS)), None)
        if record is None or record.content.bar.time > wanted:
            high = middle
        else:
            low = middle
    found: Record | None = None
    before: Record | None = None
    newest = 0
    for record in journal.records(low, _BARS):
        time = record.content.bar.time
        if time > at:
            break
        if found is None or time > newest:
            before, found, newest = found, record, time
    if found is None or at >= newest + step:
        raise _no_such_bar(at, _ends(journal))
    return found, None if before is None else before.content, 0 if before is None else before.number


def _ends(journal: Journal) -> tuple[int, int] | None:
    first, last = next(iter(journal.records(0, _BARS)), None), journal.last("bar")
    return None if first is None or last is None else (first.content.bar.time, last.content.bar.time)


def _no_such_bar(at: int, ends: tuple[int, int] | None) -> ConfigError:
    have = (
        f"Bars were seen from {time_text(ends[0])} to {time_text(ends[1])}; name a moment within one of them"
        if ends is not None
        else "No bar was seen yet; let some bars close"
    )
    return ConfigError(f"at: no bar of {time_text(at)} was seen. {have}.")


def _same_eyes(journal: Journal, before: int, number: int, now: ParametersSet, told: JournalView) -> bool:
    """Whether the bar before was seen with the same features and parameters."""
    del told
    changed = (record.content for record in _Until(journal, number).records(before, ["parameters"]))
    earlier = [one.content for one in _Until(journal, before).records(0, ["parameters"])]
    return all(one == earlier[-1] for one in changed) if earlier else now is not None


def _add_what_followed(journal: Journal, number: int, past: PastBar, symbol: str, close: int) -> None:
    """Add what was written down between a bar and the next one."""
    for record in journal.records(number):
        content = record.content
        if isinstance(content, BarSeen) and content.bar.time > past.bar.time:
            return
        if isinstance(content, Intent | OcoIntent):
            legs = [content] if isinstance(content, Intent) else [content.above, content.below]
            past.intents += [leg for leg in legs if leg.time == close]
        elif isinstance(content, BookedFill) and content.own:
            past.answers.append(filled(content.fill, symbol))
        elif isinstance(content, Outcome) and content.reason:
            past.answers.append(f"order {content.client_id} {content.kind.replace('_', ' ')}: {content.reason}")
        elif isinstance(content, Notice) and content.topic == "limit" and past.refused is None:
            past.refused = content.facts.get("why") or content.text
        elif isinstance(content, Notice) and content.topic == "halted":
            past.halted = content.facts.get("why") or content.text
