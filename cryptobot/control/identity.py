"""Whether two configurations ask for the same bot."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from cryptobot.strategy.base import Strategy
from cryptobot.strategy.digest import strategy_digest

if TYPE_CHECKING:
    from cryptobot.control.config import BotConfig
    from cryptobot.control.strategy_source import Source


def identity_of(config: BotConfig, source: Source) -> dict[str, str]:
    """Return what makes a bot what it is, as short texts by name: equal texts mean the same.

    Parameters
    ----------
    config
        What is asked for.
    source
        The strategy that it names.
    """
    plain = config.plain()
    plain.pop("strategy")
    told = {name: json.dumps(value, sort_keys=True, default=str) for name, value in plain.items()}
    return told | {"strategy": _strategy(source.strategy)}


def differences(ours: dict[str, str], theirs: dict[str, Any]) -> list[str]:
    """Return the names in which two identities differ."""
    return [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]


def _strategy(strategy: Strategy) -> str:
    code = hashlib.sha256(strategy_digest(type(strategy)).encode()).hexdigest()[:16]
    return json.dumps([strategy.name, strategy.params, code], sort_keys=True, default=str)
