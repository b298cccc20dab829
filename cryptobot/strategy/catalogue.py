"""Strategies by name: those of the library, those of other packages, and those typed into a notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from cryptobot.core.registry import Registry, modules_in, subclass_of
from cryptobot.strategy import library
from cryptobot.strategy.base import Strategy

S = TypeVar("S", bound=type[Strategy])


STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy", "cryptobot.strategies", modules_in(library), subclass_of(Strategy, "cb.Strategy", named=True)
)


def strategy(name: str) -> Callable[[S], S]:
    """Register a strategy under a name.

    Works in a file and in a notebook's cell; running the cell again replaces the old class.

    Parameters
    ----------
    name
        Lower-case letters, digits and underscores.

    Raises
    ------
    ConfigError
        If the name is not allowed or belongs to another module, or the class is not a `Strategy`.
    """
    return cast("Callable[[S], S]", STRATEGIES.register(name))


def get_strategy(name: str, **params: Any) -> Strategy:
    """Make a strategy by its registered name.

    Parameters
    ----------
    name
        For example ``"ma_crossover"``.
    **params
        Its parameters.

    Raises
    ------
    ConfigError
        If the name or a parameter is unknown; the message names the closest.
    """
    return STRATEGIES.get(name)(**params)


def strategies() -> list[str]:
    """Return the names of all registered strategies."""
    return STRATEGIES.names()
