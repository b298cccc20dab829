"""Which strategy a bot uses, with the form of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from cryptobot.core.errors import ConfigError
from cryptobot.notebook.closing import close_all
from cryptobot.notebook.parameters import ParametersForm
from cryptobot.strategy.catalogue import STRATEGIES, strategies

if TYPE_CHECKING:
    from cryptobot.strategy.base import Strategy


class StrategyCard:
    """A picker of registered strategies over the parameters of the picked one.

    Parameters
    ----------
    strategy
        The one in use.
    on_parameters
        Called with the changed parameters of the strategy in use.
    on_strategy
        Called with another strategy that is to be used.

    Attributes
    ----------
    picker
        The strategies by name.
    form
        The parameters of the picked one.
    """

    def __init__(
        self,
        strategy: Strategy,
        on_parameters: Callable[[dict[str, Any]], None],
        on_strategy: Callable[[Strategy], None],
    ) -> None:
        self._strategy = strategy
        self._on_parameters = on_parameters
        self._on_strategy = on_strategy
        self._following = False
        self.picker = ipywidgets.Dropdown(
            options=_names(strategy.name),
            value=strategy.name,
            description="Strategy",
            tooltip="What decides. Another one is used from the next bar's close on; the position stays.",
            description_allow_html=False,
        )
        self.picker.add_class("cb-field")
        self.picker.add_class("cb-picker")
        self.picker.observe(self._picked, "value")
        self.form = self._form_in_use()
        self.widget = ipywidgets.VBox([self.picker, self.form.widget])
        self.widget.add_class("cb-card")
        self.widget.add_class("cb-strategy")

    def follow(self, name: str, values: dict[str, Any], fetch: Callable[[], Strategy]) -> None:
        """Show the strategy and the values in use, except where the user is choosing others.

        Parameters
        ----------
        name
            Of the strategy that the bot uses now.
        values
            Its parameters.
        fetch
            Returns the strategy; called when it is another one than before.
        """
        if name != self._strategy.name:
            before, strategy = self._strategy, fetch()
            self._strategy = strategy
            if self.picker.value in (before.name, strategy.name):
                self._following = True
                try:
                    self.picker.options = _names(strategy.name)
                    self.picker.value = strategy.name
                finally:
                    self._following = False
                self._show(self._form_in_use())
        self.form.follow(values)

    def wait(self) -> None:
        """Say that what was asked for was accepted."""
        self.form.wait()

    def refuse(self, error: str) -> None:
        """Show why what was asked for was not accepted."""
        self.form.refuse(error)

    def _picked(self, _change: object) -> None:
        if self._following:
            return
        name = str(self.picker.value)
        if name == self._strategy.name:
            self._show(self._form_in_use())
            return
        declared = STRATEGIES.get(name).parameters()
        values = {key: param.default for key, param in declared.items()}
        self._show(ParametersForm(declared, values, self._use, fresh=True))

    def _use(self, values: dict[str, Any]) -> None:
        """Ask for the picked strategy; wrong values are refused beside their fields."""
        try:
            strategy = STRATEGIES.get(str(self.picker.value))(**values)
        except ConfigError as error:
            self.form.refuse(str(error))
        else:
            self._on_strategy(strategy)

    def _form_in_use(self) -> ParametersForm:
        declared = type(self._strategy).parameters()
        return ParametersForm(declared, self._strategy.params, self._on_parameters)

    def _show(self, form: ParametersForm) -> None:
        form.on_undo = self._back
        before, self.form = self.form, form
        self.widget.children = [self.picker, form.widget]
        close_all(before.widget)

    def _back(self) -> None:
        self.picker.value = self._strategy.name


def _names(in_use: str) -> list[str]:
    """Return the registered strategies, with the one in use even if it was typed into a cell without a name."""
    return sorted({*strategies(), in_use})
