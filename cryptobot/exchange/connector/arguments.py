"""What a user says about an exchange, checked before anything is reached."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from cryptobot.core.errors import AuthError, ConfigError
from cryptobot.core.settings import Settings
from cryptobot.core.suggest import closest, listed
from cryptobot.exchange.connector.client import Access, checked_endpoint
from cryptobot.exchange.connector.quirks.base import Quirks

T = TypeVar("T", bound=str)


def access_of(
    quirks: Quirks,
    *,
    mode: str | None,
    api_key: str | None,
    secret: str | None,
    endpoint: str | None,
    session: Any,
    recv_window: int,
    timeout: float,
) -> tuple[Access, bool]:
    """Return how to reach an exchange, and whether that is a server on this machine.

    Raises
    ------
    ConfigError
        If what was said contradicts itself or cannot be done.
    AuthError
        If keys are needed and are not there.
    """
    choice(mode, "mode", ("testnet", "live"))
    if endpoint is None:
        address, local = None, False
    else:
        address, local = checked_endpoint(endpoint)
    if local and mode == "live":
        raise ConfigError(
            f"mode: a server on this machine ({address}) is no live exchange. Say mode='testnet', or leave `mode` out."
        )
    if (api_key is None) is not (secret is None):
        raise ConfigError("api_key and secret belong together: give both, or neither to take those of the environment.")
    if mode is None and api_key is not None and not local:
        raise ConfigError(
            "mode: keys were given, but not whose money it is. Say mode='testnet' for play money or mode='live' for "
            "your own; leave the keys out for public data."
        )
    if mode == "testnet" and address is None and not quirks.testnet:
        raise ConfigError(
            f"mode: {quirks.id} has no test network. Try `binance`, or a paper exchange: cb.PaperExchange({quirks.id!r})."
        )
    if mode is not None and api_key is None:
        api_key, secret = Settings.exchange_keys(quirks.id)
        if api_key is None or secret is None:
            names = listed(f"{quirks.id.upper()}_API_{part}" for part in ("KEY", "SECRET"))
            raise AuthError(
                f"{quirks.id} needs keys for mode={mode!r}. Set {names} in the environment or in a file .env. Without keys "
                "there is public data only: for a bot mode 'paper', for an exchange no mode."
            )
    testnet = mode == "testnet" and address is None
    return Access(api_key, secret, address, testnet, recv_window, timeout, session), local


def choice(value: T | None, name: str, allowed: tuple[str, ...]) -> T | None:
    """Return one of the allowed words, or None; raises `ConfigError` for anything else."""
    if value is not None and value not in allowed:
        raise ConfigError(
            f"{name}: {value!r} is not allowed.{closest(str(value), allowed)} Allowed: {listed(allowed)}, None."
        )
    return value


def positive(value: object, name: str, most: int) -> int:
    """Return a whole number of 1 to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ConfigError(f"{name}: {value!r} is not allowed. Give a whole number, 1 to {most:,}.")
    return value


def seconds(value: object, name: str, most: float) -> float:
    """Return a number of seconds above 0 and up to ``most``."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not (0 < value <= most and math.isfinite(value))
    ):
        raise ConfigError(f"{name}: {value!r} is not allowed. Give seconds above 0 and up to {most:g}.")
    return float(value)
