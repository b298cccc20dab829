"""What was played, and on which terms: by a bot of this process, or as its journal tells it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.session import Session
from cryptobot.core.bars import COLUMNS, BarColumns, time_text
from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.money import Market
from cryptobot.core.sizing import Sizing
from cryptobot.core.suggest import listed
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.catalogue import STRATEGIES
from cryptobot.strategy.digest import strategy_digest
from cryptobot.trading.bot import Bot
from cryptobot.trading.journal.contents import BarSeen
from cryptobot.trading.journal.record import Journal
from cryptobot.trading.journal_session import JournalSession
from cryptobot.trading.stint import Stint
from cryptobot.trading.terms import history_of, limits_of, sizing_of


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What was played.

    Attributes
    ----------
    name
        What to call it in messages.
    stints
        What traded, oldest first: more than one where parameters were changed meanwhile.
    sizing, limits, market
        Its other terms.
    cash
        To begin with, in the quote currency.
    costs
        What the exchange says that it charges, or None.
    bars
        All that were seen, those before the start included.
    session
        What was done, from the first bar on that could be traded on.
    equity
        At the close of each of the session's bars, in the quote currency.
    notes
        What a reader of a comparison should know.
    gaps
        The same where these bars are compared, and not better ones.
    """

    name: str
    stints: tuple[Stint, ...]
    sizing: Sizing
    limits: Limits | None
    market: Market
    cash: Decimal
    costs: Costs | None
    bars: BarColumns
    session: Session
    equity: NDArray[np.float64]
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


def played_by(bot: Bot) -> Played:
    """Return what a bot has played, whether it runs or not.

    Raises
    ------
    ConfigError
        If it has seen no bars, its journal has let go of some, or its sizing or limits were changed while it traded.
    """
    told = JournalSession.of(bot.journal)
    _refuse_forgotten(bot.name, told)
    with bot.lock:
        engine, first = bot.session.engine, bot.session.first_time
        tape, sizing = bot.tape(None), bot.session.sizing
        if engine is None or (first is None and not told.bars):
            raise _nothing_seen(bot.name)
        _refuse_changes(bot.name, told.changes)
        stints, market, cash, fills = engine.sight.stints, engine.market, engine.portfolio.initial_cash, [*engine.fills]
        step, limits = engine.timeframe, bot.session.plan.limits
        if not told.bars:
            told.refuse(engine.refused, step.nanoseconds)
            told.cleared = engine.cleared
    seen = BarColumns.unchecked(tape.time, {name: getattr(tape, name) for name in COLUMNS}, step)
    if first is None or (told.bars and told.bars[0].bar.time < first):  # an earlier process began the session
        seen = _merged([_columns(told.bars, step), *_histories(told, step), seen], step)
        times, equity = _times_and_equity(told.bars)
        classes = {stint.strategy.name: type(stint.strategy) for stint in stints}
        stints = _stints(told, classes)
    else:
        awake = tape.time >= first
        times, equity = tape.time[awake], tape.equity[awake]
    booked, own = {fill.id for fill in fills}, {intent.id for intent in told.intents}
    foreign = [fill for fill in told.fills if fill.id not in booked and fill.intent_id not in own]
    costs: Any = getattr(bot.exchange, "costs", None)
    return Played(
        name=bot.name,
        stints=tuple(stints),
        sizing=sizing,
        limits=limits if limits.set_names() else None,
        market=market,
        cash=cash,
        costs=costs,
        bars=seen,
        session=replace(_session(told, seen, times), fills=sorted([*fills, *foreign], key=lambda fill: fill.time)),
        equity=equity,
        notes=tuple(_changed(stints)),
    )


def played_in(
    journal: str | Path | Journal, strategy: Strategy | type[Strategy] | None = None, sizing: Sizing | None = None
) -> Played:
    """Return what a journal tells was played.

    Parameters
    ----------
    journal
        The journal, or its file.
    strategy
        The strategy or its class, where the journal's is not registered.
    sizing
        What an entry might spend, where that was a way of the user's own.

    Raises
    ------
    ConfigError
        If no bars were seen, or the journal has let go of some, sizing or limits were changed while it traded, or what
        was traded cannot be made again.
    JournalError
        If the journal cannot be trusted.
    """
    told = JournalSession.of(journal)
    header = told.header
    name = header.bot if header is not None else "the journal"
    if not told.bars:
        raise _nothing_seen(name)
    _refuse_forgotten(name, told)
    if header is None or told.cash is None or told.agreed is None:
        raise ConfigError(
            f"reconcile: the journal of {name} does not say on which terms it traded. It is in memory, or of a version of "
            "cryptobot that did not write them down yet; give the bot itself: cb.reconcile(bot)."
        )
    _refuse_changes(name, told.changes)
    terms, step = told.agreed, Timeframe.parse(header.timeframe)
    stints = _stints(told, _given(told, strategy))
    bars = _merged([_columns(told.bars, step), *_histories(told, step)], step)
    times, equity = _times_and_equity(told.bars)
    costs = None if terms.fee is None else Costs(terms.fee, terms.slippage_bps or Decimal(0))
    return Played(
        name=name,
        stints=tuple(stints),
        sizing=sizing or sizing_of(terms),
        limits=limits_of(terms),
        market=terms.market or header.market or Market(header.symbol),
        cash=told.cash,
        costs=costs,
        bars=bars,
        session=_session(told, bars, times),
        equity=equity,
        notes=(*_changed(stints), *_other_code(told, stints)),
        gaps=tuple(_gaps(told, stints[0].strategy, bars)),
    )


def _session(told: JournalSession, bars: BarColumns, times: NDArray[np.int64]) -> Session:
    return Session(
        times=times,
        opens=bars.open[np.searchsorted(bars.time, times)],
        intents=tuple(told.intents),
        fills=tuple(told.fills),
        manual=frozenset(told.manual),
        protective=frozenset(told.protective),
        refused=np.array(told.refused, dtype=np.int64),
        no_buying=np.array(told.no_buying, dtype=np.int64),
        no_selling=np.array(told.no_selling, dtype=np.int64),
        cleared=np.array(told.cleared, dtype=np.int64),
    )


def _given(told: JournalSession, strategy: Strategy | type[Strategy] | None) -> dict[str, type[Strategy]]:
    """Return the class that the user gave, by the name under which it traded."""
    if strategy is None:
        return {}
    first = told.named[0]
    if isinstance(strategy, type):
        names = {named.strategy for named in told.named}
        return {strategy.name if strategy.name in names else first.strategy: strategy}
    if all(named.parameters != strategy.params for named in told.named):
        raise ConfigError(
            f"strategy: {strategy!r} is not what traded: the journal has the parameters {first.parameters}. Give its "
            "class, or those parameters."
        )
    return {first.strategy: type(strategy)}


def _stints(told: JournalSession, classes: Mapping[str, type[Strategy]]) -> list[Stint]:
    """Make the strategies that traded."""
    found: list[Stint] = []
    for since, name, parameters, _ in told.named:
        if name not in classes and name not in STRATEGIES.names():
            raise ConfigError(
                f"reconcile: the strategy `{name}` is not registered here. Give its class: "
                "cb.reconcile(journal, strategy=MyStrategy), or --strategy my_strategy.py:MyStrategy."
            )
        cls = classes[name] if name in classes else STRATEGIES.get(name)
        found.append(Stint(since, cls(**parameters)))
    return found


def _changed(stints: Sequence[Stint]) -> list[str]:
    """Say when other parameters took over."""
    parts = [
        f"{stint.strategy!r} from {time_text(stint.since)} on"
        for before, stint in itertools.pairwise(stints)
        if stint.strategy != before.strategy
    ]
    return (
        [f"The parameters were changed meanwhile, and the backtest changes them, too: {listed(parts)}."]
        if parts
        else []
    )


def _other_code(told: JournalSession, stints: Sequence[Stint]) -> list[str]:
    differs = {
        stint.strategy.name
        for named, stint in zip(told.named, stints, strict=True)
        if strategy_digest(type(stint.strategy)) != named.code
    }
    return [
        f"The code of {name} is another than the one that traded, or another version of Python runs it: what is found "
        "under `signal` may come from that."
        for name in sorted(differs)
    ]


def _gaps(told: JournalSession, strategy: Strategy, bars: BarColumns) -> list[str]:
    notes = []
    missing = sum(hole.missing for hole in bars.holes() if hole.before > told.bars[0].bar.time)
    if missing:
        notes.append(
            f"{missing:,} {'bar is' if missing == 1 else 'bars are'} missing among those that the journal holds: what "
            "should have been traded on them is not known. Give bars that have them."
        )
    before = int(np.searchsorted(bars.time, told.bars[0].bar.time))
    if before < strategy.memory - 1:
        notes.append(
            f"The journal holds {before} of the {strategy.memory - 1} bars that came before the first: until as many have "
            "been seen the backtest may decide differently. Give bars that reach further back."
        )
    return notes


def _columns(seen: Sequence[BarSeen], step: Timeframe) -> BarColumns:
    time, *values = zip(*(one.bar for one in seen), strict=True)
    columns = {name: np.array(column, dtype=np.float64) for name, column in zip(COLUMNS, values, strict=True)}
    return BarColumns.unchecked(np.array(time, dtype=np.int64), columns, step)


def _histories(told: JournalSession, step: Timeframe) -> list[BarColumns]:
    found = (history_of(terms, step) for terms in told.terms)
    return [history for history in found if history is not None]


def _times_and_equity(seen: Sequence[BarSeen]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return np.array([one.bar.time for one in seen], dtype=np.int64), np.array([one.equity for one in seen])


def _merged(parts: Sequence[BarColumns], step: Timeframe) -> BarColumns:
    """Put bars together; where several have one, that of the first counts."""
    time, rows = np.unique(np.concatenate([part.time for part in parts]), return_index=True)
    columns = {name: np.concatenate([getattr(part, name) for part in parts])[rows] for name in COLUMNS}
    return BarColumns.unchecked(time, columns, step)


def _nothing_seen(name: str) -> ConfigError:
    return ConfigError(f"reconcile: {name} has seen no bars yet. Start it and let some bars close.")


def _refuse_forgotten(name: str, told: JournalSession) -> None:
    if told.forgotten is not None:
        raise ConfigError(
            f"reconcile: the session of {name} cannot be traded again from its beginning: {told.forgotten}, so that it does "
            "not grow for ever. Give the next session a journal of its own (new_journal=True, or --new-journal), and "
            'reconcile it before that many bars are seen, or keep them all: cb.SqliteJournal(path, keep_bars=None), or keep_bars = "all" in the bot\'s TOML file.'
        )


def _refuse_changes(name: str, changes: int) -> None:
    if changes:
        raise ConfigError(
            f"reconcile: the sizing or the limits of {name} were changed {changes} times while it traded, so that no single "
            "backtest can equal it. Reconcile a session with one set of them: give the next one a journal of its own."
        )
