"""The buttons that start, stop, flatten, kill, clear and shut down a bot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from cryptobot.core.types import Mode
from cryptobot.notebook import action_words
from cryptobot.notebook.action_words import ACTIONS, Action, ActionName
from cryptobot.notebook.commands import Commands
from cryptobot.notebook.confirmation import Confirmation
from cryptobot.notebook.weakly import weakly

if TYPE_CHECKING:
    from cryptobot.control.handle import BotHandle
    from cryptobot.trading.status import BotStatus


class Steering:
    """A row of buttons and the strip that asks before what cannot be taken back.

    What was clicked is carried out on the thread of the panel's commands, and shown only when the bot says so.

    Parameters
    ----------
    bot
        What to steer.
    commands
        Where the actions are carried out.
    end_process
        Ends the process of an attached bot; None for a bot in this process.

    Attributes
    ----------
    buttons
        By name of the action.
    confirmation
        The strip.
    """

    def __init__(self, bot: BotHandle, commands: Commands, end_process: Callable[[], object] | None = None) -> None:
        self._bot = bot
        self._commands = commands
        self._end_process = end_process
        self._status: BotStatus | None = None
        self.confirmation = Confirmation()
        self.buttons: dict[ActionName, Any] = {}
        for action in ACTIONS:
            if action.name != "shut_down" or end_process is not None:
                button = _button(action)
                button.on_click(weakly(self._clicked))
                self.buttons[action.name] = button

    def follow(self, status: BotStatus) -> None:
        """Offer what can be done now.

        Parameters
        ----------
        status
            Where the bot stands.
        """
        self._status = status
        pending = self._commands.pending
        possible = action_words.possible(status, attached=self._end_process is not None)
        for name, button in self.buttons.items():
            button.disabled = name not in possible or name in pending
            tooltip = f"{action_words.BY_NAME[name].tooltip}."
            if button.tooltip != tooltip:
                button.tooltip = tooltip

    @property
    def is_live(self) -> bool:
        """Whether real money is at stake."""
        return self._status is not None and self._status.mode is Mode.LIVE

    def _clicked(self, button: Any) -> None:
        name = next(name for name, known in self.buttons.items() if known is button)
        status = self._status
        if status is None:
            return
        if not action_words.asks(name, status):
            self.do(name)
            return
        held = name == "kill" and bool(status.quantity)
        self.confirmation.ask(
            action_words.BY_NAME[name].label,
            action_words.consequence(name, status),
            lambda ticked: self.do(name, flatten=ticked),
            word=action_words.word_to_type(name, status),
            option="Also sell the position at the market" if held else "",
        )

    def do(self, name: ActionName, *, flatten: bool = False) -> None:
        """Carry out an action without asking; returns at once.

        Parameters
        ----------
        name
            Which.
        flatten
            For a kill: whether to sell the position, too.
        """
        bot = self._bot
        actions: dict[ActionName, Callable[[], object]] = {
            "start": bot.start,
            "stop": bot.stop,
            "flatten": bot.flatten,
            "kill": lambda: bot.kill(flatten=flatten),
            "clear": bot.clear,
        }
        if self._end_process is not None:
            actions["shut_down"] = self._end_process
        self._commands.put(name, actions[name])


def _button(action: Action) -> Any:
    button = ipywidgets.Button(description=action.label, icon=action.icon, tooltip=action.tooltip)
    button.add_class("cb-button")
    button.add_class(f"cb-{action.name.replace('_', '-')}")
    return button
