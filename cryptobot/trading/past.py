"""Any bar that a bot has seen, found again: in its journal, or on the tape of one that keeps no bars there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from cryptobot.core.bars import COLUMNS, time_text
from cryptobot.core.errors import ConfigError
from cryptobot.core.moment import moment
from cryptobot.core.money import ZERO
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Intent, OcoIntent, Side
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.catalogue import STRATEGIES
from cryptobot.trading.actions import Notice
from cryptobot.trading.explanation import Explanation, nothing_yet, under_terms
from cryptobot.trading.journal import BarSeen, BookedFill, Journal, JournalHeader, JournalView, Kind, Record
from cryptobot.trading.journal.contents import Forgotten, Outcome, ParametersSet
from cryptobot.trading.past_bar import PastBar, filled
from cryptobot.trading.tape import TapeWindow

if TYPE_CHECKING:
    from cryptobot.trading.bot import Bot

Maker = Callable[[ParametersSet], Strategy]
"""Makes the strategy that had these parameters."""

_BARS: Final[list[Kind]] = ["bar"]
_NEAR: Final = 1_000


def explain_bot(bot: Bot, at: Any = None) -> Explanation:
    """Say why a bot of this process did or did not trade on a bar; see `Bot.explain`."""
    if at is not None:
        when = moment(at)
        if bot.journal.last("bar") is None:  # one in memory keeps none
            return explain_on_tape(bot, when)
        return explain_past(bot.journal, when, maker_of(bot.strategy))
    with bot.lock:
        engine = bot.session.engine
        if engine is None:
            return nothing_yet("The bot has not been started.")
        said, gate = engine.explain(), engine.gate
        limits = {name: str(getattr(gate.limits, name)) for name in gate.limits.set_names()}
        return under_terms(said, bot.mode, str(gate.state), gate.reason, limits)


def maker_of(known: Strategy | type[Strategy] | None = None) -> Maker:
    """Return what makes strategies that traded.

    Parameters
    ----------
    known
        A strategy, or its class, that need not be registered.
    """
    cls = type(known) if isinstance(known, Strategy) else known

    def make(wanted: ParametersSet) -> Strategy:
        if cls is not None and cls.name == wanted.strategy:
            return cls(**wanted.params)
        if wanted.strategy not in STRATEGIES.names():
            raise ConfigError(
                f"strategy: `{wanted.strategy}`, which traded, is not registered here. Name its file and class: "
                "--strategy my_strategy.py:MyStrategy."
            )
        return STRATEGIES.get(wanted.strategy)(**wanted.params)

    return make


def explain_past(journal: str | Path | Journal, at: int | None, make: Maker) -> Explanation:
    """Say why a bot did or did not trade on a bar that its journal holds.

    Parameters
    ----------
    journal
        The journal, or its file; a bot may be writing it meanwhile.
    at
        A moment within the bar, nanoseconds since 1970-01-01 UTC; None for the last one.
    make
        Makes the strategy that traded then.

    Raises
    ------
    ConfigError
        If there was no such bar, or the journal has let go of it.
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
    last = journal.last("bar")
    if last is None:
        raise _no_such_bar(at, None)
    found, before = _bar_at(journal, last.content.bar.time if at is None else at, step)
    parameters = _parameters(journal, found.number)
    if parameters is None:
        raise ConfigError(f"journal of {header.bot}: it does not say with which parameters it traded.")
    if before is not None and _parameters(journal, before.number) != parameters:
        before = None
    told = JournalView.of(cast("Journal", _Until(journal, found.number)), bars=False)
    seen: BarSeen = found.content
    state, terms = told.trading_state, told.terms[-1] if told.terms else None
    past = PastBar(
        seen.bar,
        seen.features,
        None if before is None else (before.content.bar, before.content.features),
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
    plan, step = bot.session.plan, bot.session.plan.timeframe.nanoseconds
    with bot.lock:
        engine, tape = bot.session.engine, bot.tape(None)
        if engine is None:
            raise _no_such_bar(at, None)
        fills, intents, refused, strategy = [*engine.fills], [*engine.intents], [*engine.refused], engine.strategy
        lot = engine.market.lot_size or ZERO
    row = int(np.searchsorted(tape.time, at, side="right")) - 1
    if row < 0 or at >= int(tape.time[row]) + step:
        raise _no_such_bar(at, (int(tape.time[0]), int(tape.time[-1])) if tape.time.size else None)
    bar, features = _row(tape, row)
    close = bar.time + step
    held = sum((fill.quantity * (1 if fill.side is Side.BUY else -1) for fill in fills if fill.time < close), ZERO)
    limits = plan.limits
    past = PastBar(bar, features, _row(tape, row - 1) if row else None, long=held > lot, mode=bot.mode)
    past.trading_state = ""  # when it was changed is not known by bars
    past.limits = {name: str(getattr(limits, name)) for name in limits.set_names()}
    past.intents = [intent for intent in intents if intent.time == close]
    ids = {intent.id for intent in past.intents}
    past.answers = [filled(fill, plan.symbol) for fill in fills if fill.intent_id in ids]
    past.refused = next((event.reason for event in refused if event.time == close), None)
    return past.explain(strategy)


def _row(tape: TapeWindow, row: int) -> tuple[Bar, dict[str, float]]:
    bar = Bar(int(tape.time[row]), *(float(getattr(tape, name)[row]) for name in COLUMNS))
    return bar, {name: float(values[row]) for name, values in tape.features.items()}


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


def _bar_at(journal: Journal, at: int, step: int) -> tuple[Record, Record | None]:
    """Return the record of the bar that a moment lies in, and that of the bar before it."""
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
        raise _no_such_bar(at, _ends(journal), journal.forgotten)
    return found, before


def _ends(journal: Journal) -> tuple[int, int] | None:
    first, last = next(iter(journal.records(0, _BARS)), None), journal.last("bar")
    return None if first is None or last is None else (first.content.bar.time, last.content.bar.time)


def _no_such_bar(at: int | None, ends: tuple[int, int] | None, forgotten: Forgotten | None = None) -> ConfigError:
    if at is not None and ends is not None and forgotten is not None and at < ends[0]:
        return ConfigError(
            f"at: the bar of {time_text(at)} is not kept: {forgotten}, so that it does not grow for ever. Name a moment "
            f"from {time_text(ends[0])} on; orders and fills of before are kept, see `cryptobot journal export`."
        )
    have = (
        f"Bars were seen from {time_text(ends[0])} to {time_text(ends[1])}; name a moment within one of them"
        if ends is not None
        else "No bar was seen yet; let some bars close"
    )
    which = "" if at is None else f" of {time_text(at)}"
    return ConfigError(f"at: no bar{which} was seen. {have}.")


def _parameters(journal: Journal, number: int) -> ParametersSet | None:
    """Return what traded when a journal had so many records."""
    newest = None
    for record in _Until(journal, number).records(0, ["parameters"]):
        newest = record.content
    return newest


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
