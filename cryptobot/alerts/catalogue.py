"""Alert channels by name: those of the library, those of other packages, and those typed into a notebook."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cryptobot.alerts import channels
from cryptobot.alerts.channel import AlertChannel
from cryptobot.core.errors import ConfigError
from cryptobot.core.registry import Registry

C = TypeVar("C", bound=type[AlertChannel])


def _accept(name: str, cls: type[AlertChannel]) -> None:
    if not (inspect.isclass(cls) and issubclass(cls, AlertChannel)):
        raise ConfigError(f"alert channel `{name}`: {cls!r} is not a channel. Derive the class from cb.AlertChannel.")
    cls.name = name


ALERTS: Registry[type[AlertChannel]] = Registry(
    "alert channel",
    "cryptobot.alerts",
    lambda: [found.name for found in pkgutil.iter_modules(channels.__path__, f"{channels.__name__}.")],
    _accept,
)


def alert(name: str) -> Callable[[C], C]:
    """Register an alert channel under a name.

    Parameters
    ----------
    name
        Lower-case letters, digits and underscores.

    Raises
    ------
    ConfigError
        If the name is not allowed or belongs to another module, or the class is not an `AlertChannel`.

    Examples
    --------
    >>> @alert("shout")
    ... class Shout(AlertChannel):
    ...     def send(self, message):
    ...         print(message.level.upper())
    """

    def decorate(cls: C) -> C:
        ALERTS.register(name)(cls)
        return cls

    return decorate


def alert_channels(wanted: Mapping[str, Mapping[str, Any]]) -> list[AlertChannel]:
    """Make channels as a configuration file names them; their secrets come from the environment.

    Parameters
    ----------
    wanted
        For each channel's name how it wants to be told, such as ``{"slack": {"quiet": "22:00-07:00"}, "log": {}}``.

    Raises
    ------
    ConfigError
        If a name or a value is not allowed, or something is missing in the environment.
    """
    made = []
    for name, settings in wanted.items():
        cls = ALERTS.get(name)
        if not isinstance(settings, Mapping):
            raise ConfigError(f"alerts: `{name}` is {settings!r}. Give a table of settings, which may be empty.")
        try:
            made.append(cls.from_env(**settings))
        except ConfigError as error:
            raise ConfigError(f"alerts.{name}: {error}") from None
    return made
