"""Figures that are read as attributes and as a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, ClassVar, cast

from cryptobot.core.suggest import closest, listed


class Figures(Mapping[str, float]):
    """Base of a dataclass of figures: ``figures.sharpe`` is ``figures["sharpe"]``."""

    __slots__ = ()
    _called: ClassVar[tuple[str, str]] = ("figures have", "They have")

    def __getitem__(self, name: str) -> float:
        if name not in self:
            what, rest = self._called
            raise KeyError(f"{what} no {name!r}.{closest(str(name), self)} {rest} {listed(self)}.")
        value: float = getattr(self, name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def __iter__(self) -> Iterator[str]:
        return (field.name for field in fields(cast("Any", self)))

    def __len__(self) -> int:
        return len(fields(cast("Any", self)))
