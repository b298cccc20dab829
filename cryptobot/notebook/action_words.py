"""What can be done with a bot from its panel, when, and what it will do: in words, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from cryptobot.core.types import Mode
from cryptobot.notebook.numbers import Units

if TYPE_CHECKING:
    from cryptobot.trading.status import BotStatus

ActionName = Literal["start", "stop", "flatten", "kill", "clear", "shut_down"]


@dataclass(frozen=True, slots=True)
class Action:
    """One button.

    Attributes
    ----------
    name
        For code.
    label, icon, tooltip
        For the button.
    asks
        Whether it asks before it is done even where no real money is at stake.
    """

    name: ActionName
    label: str
    icon: str
    tooltip: str
    asks: bool = True


ACTIONS: Final = (
    Action("start", "Start", "play", "Start: connects, loads history, and trades at every bar's close", asks=False),
    Action("stop", "Stop", "stop", "Stop: decides and sends nothing more; what is open stays open", asks=False),
    Action("flatten", "Flatten", "compress", "Flatten: sells the position at the market and only reduces from then on"),
    Action("kill", "Kill", "ban", "Kill: cancels its orders and trades no more until you clear it"),
    Action("clear", "Clear", "check", "Clear: lets the bot trade again after a kill, a flatten or a limit"),
    Action("shut_down", "Shut down", "power-off", "Shut down: ends the bot's process"),
)
BY_NAME: Final = {action.name: action for action in ACTIONS}
_RUNS: Final = ("starting", "running")
_RESTS: Final = ("new", "stopped", "halted")  # a market that has come to its end is not started again


def possible(status: BotStatus, *, attached: bool) -> set[ActionName]:
    """Return what can be done with a bot that stands so.

    Parameters
    ----------
    status
        The bot's status.
    attached
        Whether it runs in a process of its own, which can be shut down.
    """
    runs = status.state in _RUNS
    found: set[ActionName] = {"start"} if status.state in _RESTS else set()
    if runs:
        found.add("stop")
    if runs and status.quantity:
        found.add("flatten")
    if status.trading_state != "halted" and status.state != "finished":
        found.add("kill")
    if status.trading_state != "active":
        found.add("clear")
    if attached:
        found.add("shut_down")
    return found


def asks(name: ActionName, status: BotStatus) -> bool:
    """Say whether an action is confirmed first: always where real money is at stake."""
    return BY_NAME[name].asks or status.mode is Mode.LIVE


def word_to_type(name: ActionName, status: BotStatus) -> str:
    """Return what has to be typed to confirm an action, or an empty text where a click is enough."""
    return BY_NAME[name].label.upper() if status.mode is Mode.LIVE else ""


def consequence(name: ActionName, status: BotStatus) -> str:
    """Say what an action will do now, in one or two sentences.

    Parameters
    ----------
    name
        The action.
    status
        Where the bot stands.
    """
    units = Units.of(status.symbol, status.price)
    held = f"{units.quantity(status.quantity)} {units.base}" if status.quantity else ""
    count = status.open_orders
    orders = f"its {count} open order{'s' * (count != 1)}" if count else "open orders (there are none now)"
    if name == "start":
        return f"It connects, loads history and trades {status.symbol} at every bar's close."
    if name == "stop":
        left = f" {held} stays held, without the bot to sell it." if held else ""
        more = f" {_capital(orders)} stay{'s' * (count == 1)} on the exchange." if count else ""
        return f"It decides and sends nothing more.{left}{more}"
    if name == "flatten":
        return (
            f"It cancels what protects the position, sells {held or 'what is held'} at the market, and only reduces from "
            "then on. Clear lets it buy again."
        )
    if name == "kill":
        kept = f" {_capital(held)} stays held unless you tick the box." if held else ""
        bare = " Its stop is cancelled, too." if status.protected else ""
        return f"It cancels {orders} and sends nothing more, also after a restart, until you clear it.{bare}{kept}"
    if name == "clear":
        why = f" It was {status.trading_state}: {status.trading_reason}" if status.trading_reason else ""
        return f"It may trade again from the next bar's close on.{why}"
    return "It stops as Stop does, and its process ends. Start it again with cb.launch or `cryptobot run`."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
