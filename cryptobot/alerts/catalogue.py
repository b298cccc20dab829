"""Alert channels by name: those of the library, those of other packages, and those typed into a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from cryptobot.alerts import channels
from cryptobot.alerts.channel import AlertChannel
from cryptobot.core.errors import ConfigError
from cryptobot.core.registry import Registry, modules_in, subclass_of

C = TypeVar("C", bound=type[AlertChannel])


ALERTS: Registry[type[AlertChannel]] = Registry(
    "alert channel", "cryptobot.alerts", modules_in(channels), subclass_of(AlertChannel, "cb.AlertChannel", named=True)
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
    return cast("Callable[[C], C]", ALERTS.register(name))


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
