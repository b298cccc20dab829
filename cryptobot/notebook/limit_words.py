"""The limits of a bot in words, and how much of each is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cryptobot.notebook.numbers import Units, fixed

if TYPE_CHECKING:
    from cryptobot.trading.status import BotStatus

_WORDS: Final = {
    "max_order_value": "Largest order",
    "max_position_value": "Largest position",
    "max_open_orders": "Open orders",
    "max_orders_per_minute": "Orders a minute",
    "max_daily_loss": "Loss a day",
    "max_drawdown": "Drawdown",
    "max_bar_age": "Age of the newest bar",
    "max_clock_skew": "Clock skew",
    "price_collar": "Price collar",
    "stop_loss": "Stop loss",
    "take_profit": "Take profit",
}
_MONEY: Final = ("max_order_value", "max_position_value", "max_daily_loss")
_FRACTIONS: Final = ("max_drawdown", "price_collar", "stop_loss", "take_profit")
CLOSE: Final = 0.8  # of a limit
FULL: Final = 1.0


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a limit is used.

    Attributes
    ----------
    name
        Of the limit.
    share
        1 is all of it.
    """

    name: str
    share: float


def used(status: BotStatus) -> list[Used]:
    """Return how much is used of the limits for which a status tells it, the most used first.

    Parameters
    ----------
    status
        The bot's status.
    """
    worth = status.equity - status.cash if status.quantity else Decimal(0)
    now: dict[str, Callable[[], Decimal]] = {
        "max_position_value": lambda: worth,
        "max_open_orders": lambda: Decimal(status.open_orders),
        "max_daily_loss": lambda: max(Decimal(0), -status.day_pnl),
    }
    found = [
        Used(name, float(measure() / Decimal(status.limits[name])))
        for name, measure in now.items()
        if name in status.limits and Decimal(status.limits[name])
    ]
    return sorted(found, key=lambda entry: -entry.share)


def words(name: str) -> str:
    """Return what a limit is called."""
    return _WORDS.get(name, name.replace("_", " "))


def amount(name: str, value: str, units: Units) -> str:
    """Write a limit's value with its unit."""
    if name in _MONEY:
        return f"{units.money(Decimal(value))} {units.quote}"
    if name in _FRACTIONS:
        return f"{fixed(100 * Decimal(value), 2)} %"
    if name in ("max_bar_age", "max_clock_skew"):
        return f"{value} s"
    return value
