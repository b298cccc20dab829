"""Proof that a strategy decides the same in research and live, and never looks ahead."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.bars import COLUMNS, BarColumns, time_text
from cryptobot.core.errors import ConfigError, CryptobotError
from cryptobot.core.types import Bar
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.check_report import CheckFailure, CheckReport
from cryptobot.strategy.conditions import Column
from cryptobot.strategy.decision import Decision, Decisions
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.locality import find_leak, rows_of

if TYPE_CHECKING:
    import pandas as pd

CHECKS: Final = ("runs", "inputs unchanged", "determinism", "look-ahead", "parity", "warm-up", "restart", "any start")
_SAMPLES: Final = 6
_AFTER: Final = 200


def check_strategy(strategy: Strategy, bars: pd.DataFrame | BarColumns) -> CheckReport:
    """Prove that a strategy may be trusted to trade what was tested.

    What it checks is told by `cryptobot.check_strategy`, which also records that it was done.

    Parameters
    ----------
    strategy
        What to check, with the parameters it is to trade with.
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume; more than the warm-up.

    Returns
    -------
    CheckReport
        ``.ok``, and ``.failures`` naming the check and the first bar that differs.

    Raises
    ------
    ConfigError
        If `strategy` is not a strategy, or the bars do not reach past its warm-up.
    DataError
        If the bars cannot be trusted.
    """
    if not isinstance(strategy, Strategy):
        made = " Make one: call the class." if isinstance(strategy, type) else ""
        raise ConfigError(f"check_strategy: {strategy!r} is not a strategy.{made}")
    started = time.perf_counter()
    columns = BarColumns.of(bars)
    if len(columns) <= strategy.warm_up + 1:
        raise ConfigError(
            f"check_strategy: {len(columns)} bars do not reach past the warm-up of {strategy.warm_up} bars of "
            f"{strategy!r}. Give more bars, several times the warm-up."
        )
    check = _Check(strategy, columns, bars)
    failures = tuple(check.run())
    return CheckReport(repr(strategy), len(columns), CHECKS[: check.done], failures, time.perf_counter() - started)


class _Check:
    def __init__(self, strategy: Strategy, columns: BarColumns, given: pd.DataFrame | BarColumns) -> None:
        self.strategy = strategy
        self.columns = columns
        self.given = given
        self.done = 0
        self.first_difference: int | None = None

    def run(self) -> Iterator[CheckFailure]:
        before = [getattr(self.columns, name).tobytes() for name in COLUMNS]
        self.done = 1
        try:
            batch = self.strategy.batch(self.columns)
            live = self._live(self.columns.rows())
        except CryptobotError as error:
            read_only = "read-only" in str(error) or "WRITEABLE" in str(error)
            self.done = 2 if read_only else 1
            yield CheckFailure(CHECKS[self.done - 1], None, None, str(error))
            return
        self.batch = batch
        self.done = 2
        changed = [
            name for name, old in zip(COLUMNS, before, strict=True) if getattr(self.columns, name).tobytes() != old
        ]
        if self.given is not self.columns:
            again = BarColumns.of(self.given)
            changed += [
                name for name in COLUMNS if not np.array_equal(getattr(again, name), getattr(self.columns, name))
            ]
        if changed:
            yield CheckFailure(CHECKS[1], None, None, f"the strategy wrote into {sorted(set(changed))}")
        self.done = 3
        difference = _differs(batch, self.strategy.replace().batch(self.columns))
        if difference is not None:
            yield self._at(
                CHECKS[2], difference, "a second run on the same bars decides differently (randomness or hidden state)"
            )
            return  # what follows compares runs with each other
        self.done = len(CHECKS)
        row = _first_difference(batch, live)
        yield from self._look_ahead(row)
        if row is not None:
            yield self._at(CHECKS[4], row, f"batch says {_words(batch[row])}, live says {_words(live[row])}")
        yield from self._warm_up()
        yield from self._restart()
        yield from self._any_start(live)

    def _at(self, check: str, row: int, detail: str) -> CheckFailure:
        return CheckFailure(check, row, int(self.columns.time[row]), detail)

    def _live(self, rows: list[Bar]) -> list[Decision]:
        stepped = self.strategy.live(self.columns.grid)
        return [stepped.update(bar) for bar in rows]

    def _look_ahead(self, row: int | None) -> Iterator[CheckFailure]:
        strategy, n = self.strategy, len(self.columns)

        def decide(columns: dict[str, Column]) -> NDArray[np.bool_]:
            return np.stack(strategy.decide(rows_of(columns), n))

        columns = {**self.batch.features, **{name: getattr(self.columns, name) for name in COLUMNS}}
        leak = find_leak(decide, columns, self.batch.buy | self.batch.sell)
        if leak is None:
            return
        first = leak.row if row is None else row
        if leak.ahead:
            yield self._at(CHECKS[3], first, "a condition uses rows after the one it decides on")
        elif row is None:
            yield self._at(CHECKS[4], first, "a condition uses rows before the previous one, which live does not have")

    def _warm_up(self) -> Iterator[CheckFailure]:
        for name, node in self.strategy.nodes.items():
            defined = np.isfinite(self.batch.features[name])
            first = int(np.argmax(defined)) if defined.any() else len(self.columns)
            if first != node.total_warm_up:
                row = min(first, node.total_warm_up, len(self.columns) - 1)
                yield self._at(
                    CHECKS[5],
                    row,
                    f"`{name}` declares {node.total_warm_up} rows of warm-up, its first value is in row {first}",
                )
                return
            undefined = np.flatnonzero(~defined[first:])
            if undefined.size:
                yield self._at(CHECKS[5], first + int(undefined[0]), f"`{name}` is undefined after its warm-up")
                return

    def _restart(self) -> Iterator[CheckFailure]:
        n = len(self.columns)
        for cut in np.unique(np.linspace(1, n - 1, _SAMPLES).astype(int)).tolist():
            old = self.strategy.live(self.columns.grid)
            start = max(0, cut - self.strategy.memory - _AFTER)
            for row in range(start, cut):
                old.update(self.columns.bar(row))
            new = self.strategy.live(self.columns.grid)
            new.restore(json.loads(json.dumps(old.snapshot())))
            for row in range(cut, min(cut + _AFTER, n)):
                bar = self.columns.bar(row)
                wanted, got = old.update(bar), new.update(bar)
                if not _same(wanted, got):
                    yield self._at(CHECKS[6], row, f"before the restart {_words(wanted)}, after it {_words(got)}")
                    return

    def _any_start(self, live: list[Decision]) -> Iterator[CheckFailure]:
        if any(_is_primed(node) for node in self.strategy.nodes.values()):
            return  # their memory never ends: they state how it is primed
        n, memory = len(self.columns), self.strategy.memory
        last = n - memory - 1
        for start in np.unique(np.linspace(1, last, _SAMPLES).astype(int)).tolist() if last >= 1 else []:
            stepped = self.strategy.live(self.columns.grid)
            for row in range(start, min(start + memory + _AFTER, n)):
                got = stepped.update(self.columns.bar(row))
                if row >= start + memory - 1 and not _same(live[row], got):
                    seen = time_text(int(self.columns.time[start]))
                    yield self._at(
                        CHECKS[7],
                        row,
                        f"a run from the first bar says {_words(live[row])}, one from {seen} says {_words(got)}",
                    )
                    return


def _is_primed(node: Feature) -> bool:
    return bool(node.priming) or any(_is_primed(source) for source in node.sources if isinstance(source, Feature))


def _differs(a: Decisions, b: Decisions) -> int | None:
    rows: Callable[[NDArray[np.bool_]], int | None] = lambda bad: int(np.argmax(bad)) if bad.any() else None  # noqa: E731
    bad = (a.buy != b.buy) | (a.sell != b.sell)
    for name, values in a.features.items():
        bad |= values.view(np.int64) != b.features[name].view(np.int64)
    return rows(bad)


def _first_difference(batch: Decisions, live: list[Decision]) -> int | None:
    bad = (batch.buy != np.array([d.buy for d in live])) | (batch.sell != np.array([d.sell for d in live]))
    for name, values in batch.features.items():
        stepped = np.array([d.features[name] for d in live])
        bad |= (values != stepped) & ~(np.isnan(values) & np.isnan(stepped))
    return int(np.argmax(bad)) if bad.any() else None


def _same(a: Decision, b: Decision) -> bool:
    return (a.buy, a.sell) == (b.buy, b.sell) and all(
        value == b.features[name] or (value != value and b.features[name] != b.features[name])  # noqa: PLR0124 - NaN
        for name, value in a.features.items()
    )


def _words(decision: Decision) -> str:
    said = "buy" if decision.buy else "sell" if decision.sell else "nothing"
    if decision.buy and decision.sell:
        said = "buy and sell"
    values = ", ".join(f"{name} {value!r}" for name, value in decision.features.items())
    return f"{said} ({values})" if values else said
