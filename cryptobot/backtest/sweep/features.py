"""Which parameter sets have which features, and which break a constraint of the strategy."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.backtest.sweep.constraints import constraints_of
from cryptobot.backtest.sweep.expression import Noted, Unreadable, bound, names_in
from cryptobot.backtest.sweep.reading import Reads, bare, noted_parameters, shared
from cryptobot.core.errors import ConfigError
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.feature import Feature

Rows = NDArray[np.intp]


class FeatureList:
    """Distinct features by number: numbers compare in no time, features do not."""

    def __init__(self) -> None:
        self.features: list[Feature] = []
        self._numbers: dict[Any, int] = {}

    def number(self, feature: Feature) -> int:
        """Return the number of a feature; equal features have the same."""
        key = (type(feature), *feature.params.values(), feature.sources)
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self.features)
            self.features.append(feature)
        return known


class Block(NamedTuple):
    """Parameter sets whose features have the same names.

    Attributes
    ----------
    rows
        Of the combinations.
    names
        Of the features.
    numbers
        int64, shape (rows, names): the numbers of their features.
    """

    rows: Rows
    names: list[str]
    numbers: NDArray[np.int64]


@dataclass(slots=True)
class Featured:
    """The features of parameter sets.

    Attributes
    ----------
    known
        All that occur.
    blocks
        Which sets have which.
    broken
        Sets that break a constraint, with what it says.
    """

    known: FeatureList = field(default_factory=FeatureList)
    blocks: list[Block] = field(default_factory=list)
    broken: list[tuple[Rows, str]] = field(default_factory=list)

    @property
    def kept(self) -> Rows:
        """The sets that break none, rising."""
        rows = [block.rows for block in self.blocks]
        return np.sort(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.intp)


def features_of(combinations: Combinations) -> Featured:
    """Find the features of every parameter set; what the strategy's constructor refuses breaks a constraint."""
    found = Featured()
    cls = combinations.strategy
    rows = np.arange(len(combinations))
    if cls.__init__ is not Strategy.__init__:
        _one_by_one(combinations, rows, found)
        return found
    good = []
    for some, reason in constraints_of(combinations, rows):
        if reason is None:
            good.append(some)
        else:
            found.broken.append((some, reason))
    rows = np.sort(np.concatenate(good)) if good else rows[:0]
    if rows.size and not _by_template(combinations, rows, found):
        _one_by_one(combinations, rows, found)
    return found


def _by_template(combinations: Combinations, rows: Rows, found: Featured) -> bool:
    """Ask `features` once, with parameters that only note what is made of them; return False when it minds."""
    cls = combinations.strategy
    instead = noted_parameters(cls)

    def run(i: int) -> tuple[dict[str, Feature], set[str]]:
        reads = Reads(combinations.row(i), instead)
        nodes = bare(cls, reads, {}).features()
        if type(nodes) is not dict or not all(isinstance(node, Feature) for node in nodes.values()):
            raise Unreadable
        return nodes, set(reads.seen)

    try:
        templates = shared(combinations, rows, run)
        for some, nodes in templates:
            values = combinations.row(int(some[0]))
            made = {name: _instance(node, values) for name, node in nodes.items()}
            if made != cls(**values).nodes:
                return False
    except Unreadable:
        return False
    except Exception:  # noqa: BLE001 - whatever a class does with what it was not made for; real values are asked next
        return False
    for some, nodes in templates:
        _fill(combinations, some, nodes, found)
    return True


def _fill(combinations: Combinations, rows: Rows, nodes: dict[str, Feature], found: Featured) -> None:
    numbers = np.zeros((rows.size, len(nodes)), dtype=np.int64)
    refused = np.zeros(rows.size, dtype=np.bool_)
    for k, node in enumerate(nodes.values()):
        kinds, which = combinations.kinds(sorted(_parameters(node)), rows)
        known = np.zeros(len(kinds), dtype=np.int64)
        for kind, values in enumerate(kinds):
            try:
                known[kind] = found.known.number(_instance(node, values))
            except ConfigError as error:
                some = (which == kind) & ~refused
                if some.any():
                    found.broken.append((rows[some], str(error)))
                refused |= some
        numbers[:, k] = known[which]
    if not refused.all():
        found.blocks.append(Block(rows[~refused], list(nodes), numbers[~refused]))


def _parameters(template: Feature) -> set[str]:
    """Return the parameters that a noted feature is made of."""
    inside = [names_in(value.tree, "parameter") for value in template.params.values() if isinstance(value, Noted)]
    inner = [_parameters(source) for source in template.sources if isinstance(source, Feature)]
    return set().union(*inside, *inner)


def _instance(template: Feature, values: Mapping[str, Any]) -> Feature:
    """Make a feature of a noted one."""
    changes: dict[str, Any] = {
        name: values[value.tree[1]] if value.tree[0] == "parameter" else bound(value.tree, values)[1]
        for name, value in template.params.items()
        if isinstance(value, Noted)
    }
    for source in template.sources:
        if isinstance(source, Feature):
            changes["of"] = _instance(source, values)
    return template.replace(**changes) if changes else template


def _one_by_one(combinations: Combinations, rows: Rows, found: Featured) -> None:
    """Ask `features` with real values, once for all sets that agree in what it reads."""
    cls = combinations.strategy
    plain = cls.__init__ is Strategy.__init__

    def run(i: int) -> tuple[dict[str, Feature] | str, set[str]]:
        values = combinations.row(i)
        read = set(values)
        if plain:
            reads = Reads(values)
            with contextlib.suppress(ConfigError):  # the constructor says it again
                bare(cls, reads, {}).features()
            read = set(reads.seen)
        try:
            return cls(**values).nodes, read
        except ConfigError as error:
            return str(error), set(values)

    by_names: dict[tuple[str, ...], list[tuple[Rows, list[int]]]] = {}
    for some, nodes in shared(combinations, rows, run):
        if isinstance(nodes, str):
            found.broken.append((some, nodes))
        else:
            numbers = [found.known.number(node) for node in nodes.values()]
            by_names.setdefault(tuple(nodes), []).append((some, numbers))
    for names, parts in by_names.items():
        every = np.concatenate([some for some, _ in parts])
        numbers_of = np.concatenate([np.tile(np.array(n, dtype=np.int64), (some.size, 1)) for some, n in parts])
        found.blocks.append(Block(every, list(names), numbers_of.reshape(every.size, len(names))))
