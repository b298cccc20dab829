"""The stateful part of a strategy: named nodes, each one kernel over bars or over another feature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Self

from cryptobot.core.bars import COLUMNS, PRICES
from cryptobot.core.errors import ConfigError
from cryptobot.core.registry import Registry, subclass_of
from cryptobot.core.suggest import closest, listed
from cryptobot.strategy.kernel import Kernel
from cryptobot.strategy.param import Parametrised


class Feature(Parametrised):
    """A value a bar, computed by one kernel.

    A subclass declares parameters with `param`, the `inputs`, the `step` kernel, the initial `state`, the `warm_up`
    and the `memory`. Single-input features can be pointed elsewhere with ``of=``: a column of the bars, or another
    feature, as in ``SMA(10, of=RSI(14))``; they then start when that feature has its first value.

    Attributes
    ----------
    inputs
        Columns of the bars that the kernel gets.
    on_ticks
        Whether the kernel gets the price grid's scale as its last argument (0.0 when its input is on no grid).
    priming
        For features whose memory never ends: how the first value is formed. Empty for window features.
    needs_previous
        Whether the first row only serves as the one before, as for returns.
    step
        The kernel.
    """

    inputs: ClassVar[tuple[str, ...]] = ("close",)
    on_ticks: ClassVar[bool] = False
    priming: ClassVar[str] = ""
    needs_previous: ClassVar[bool] = False
    step: ClassVar[Kernel]
    _of: str | Feature | None

    def __init__(self, *args: Any, of: str | Feature | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if of is not None:
            self._check_source(of)
        object.__setattr__(self, "_of", of)

    def _check_source(self, of: object) -> None:
        name = type(self).__name__
        if len(self.inputs) != 1:
            raise ConfigError(f"{name} reads {listed(self.inputs)} and cannot be pointed elsewhere: leave `of` out.")
        if not isinstance(of, Feature) and of not in COLUMNS:
            raise ConfigError(
                f"{name}: `of` is {of!r}.{closest(str(of), COLUMNS)} Allowed: {listed(COLUMNS)}, or a feature."
            )

    @property
    def sources(self) -> tuple[str | Feature, ...]:
        """What the kernel reads: column names, or another feature."""
        return self.inputs if self._of is None else (self._of,)

    def state(self) -> list[float]:
        """Return the kernel's state before the first bar."""
        raise ConfigError(f"{type(self).__name__} does not define `state()`: return the kernel's first list of floats.")

    @property
    def warm_up(self) -> int:
        """Rows before the first valid value, for the kernel alone: by default those that fill its ``window``."""
        if "window" not in self._values:
            raise ConfigError(f"{type(self).__name__} does not define `warm_up`: the rows before its first value.")
        return int(self._values["window"]) - 1 + self.needs_previous

    @property
    def alpha(self) -> float | None:
        """For a memory that never ends, the weight of the newest value; None for a window."""
        return None

    @property
    def memory(self) -> int:
        """Rows that can still influence a value, itself included, for the kernel alone.

        For a window feature its window; for one whose memory never ends, the rows after which the weight of what
        came before is under 2**-53.
        """
        return self.warm_up + 1 + (0 if self.alpha is None else forgotten_after(self.alpha))

    @property
    def total_warm_up(self) -> int:
        """Rows before the first valid value, the sources' warm-up included."""
        return self.warm_up + sum(s.total_warm_up for s in self.sources if isinstance(s, Feature))

    @property
    def total_memory(self) -> int:
        """Rows that can influence a value, the sources' memory included."""
        return self.memory + sum(s.total_memory - 1 for s in self.sources if isinstance(s, Feature))

    def arguments(self, scale: float) -> tuple[float, ...]:
        """Return what the kernel gets after its inputs: the parameters in order, then the scale if `on_ticks`."""
        values = tuple(float(value) for value in self._values.values())
        if not self.on_ticks:
            return values
        return (*values, scale if all(source in PRICES for source in self.sources) else 0.0)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some parameters, or ``of``, changed."""
        return super().replace(**{"of": self._of, **changes})

    def _key(self) -> tuple[Any, ...]:
        return (*super()._key(), self._of)

    def __repr__(self) -> str:
        plain = super().__repr__()
        return plain if self._of is None else f"{plain[:-1]}, of={self._of!r})"


def forgotten_after(alpha: float) -> int:
    """Rows after which a value's weight in an exponential average is under 2**-53.

    Parameters
    ----------
    alpha
        Weight of the newest value, above 0 and at most 1.
    """
    return 1 if alpha >= 1.0 else math.ceil(53 * math.log(2.0) / -math.log1p(-alpha))


INDICATORS: Registry[type[Feature]] = Registry(
    "indicator",
    "cryptobot.indicators",
    lambda: ["cryptobot.strategy.indicators", "cryptobot.strategy.volatility"],
    subclass_of(Feature, "cb.Feature"),
)


def indicator(name: str) -> Callable[[type[Feature]], type[Feature]]:
    """Register an indicator, so that it inherits every check that a registered part must pass.

    Parameters
    ----------
    name
        Lower-case name, for example ``"sma"``.
    """
    return INDICATORS.register(name)
