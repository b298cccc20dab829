"""Strategies by name: those of the library, those of other packages, and those typed into a notebook."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from typing import Any, TypeVar

from cryptobot.core.errors import ConfigError
from cryptobot.core.registry import Registry
from cryptobot.strategy import library
from cryptobot.strategy.base import Strategy

S = TypeVar("S", bound=type[Strategy])


def _accept(name: str, cls: type[Strategy]) -> None:
    if not (inspect.isclass(cls) and issubclass(cls, Strategy)):
        raise ConfigError(f"strategy `{name}`: {cls!r} is not a strategy. Derive the class from cb.Strategy.")
    cls.name = name


STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    "cryptobot.strategies",
    lambda: [found.name for found in pkgutil.iter_modules(library.__path__, f"{library.__name__}.")],
    _accept,
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

    def decorate(cls: S) -> S:
        STRATEGIES.register(name)(cls)
        return cls

    return decorate


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
