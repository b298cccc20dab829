"""A form made from a strategy's own declaration of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from cryptobot.notebook.readout import Readout
from cryptobot.notebook.said import Said

if TYPE_CHECKING:
    from cryptobot.strategy.param import Param


class ParametersForm:
    """Fields for a strategy's parameters, with Apply and Undo.

    Parameters
    ----------
    declared
        `type(strategy).parameters()`.
    values
        The values in use.
    on_apply
        Called with the changed values when Apply is pressed.
    fresh
        Whether the strategy is not in use yet: then Apply asks for it with all its values.
    """

    def __init__(
        self,
        declared: Mapping[str, Param],
        values: Mapping[str, Any],
        on_apply: Callable[[dict[str, Any]], None],
        *,
        fresh: bool = False,
    ) -> None:
        self.fresh = fresh
        self._on_apply = on_apply
        self.on_undo: Callable[[], None] = lambda: None
        self._in_use = dict(values)
        self._asked: dict[str, Any] | None = None
        self._following = False
        self.fields = {key: field_for(param, values[key]) for key, param in declared.items()}
        self.apply = ipywidgets.Button(
            description="Use it" if fresh else "Apply",
            icon="check",
            tooltip=f"Use {'this strategy' if fresh else 'these values'} from the next bar's close on",
            disabled=not fresh,
        )
        self.undo = ipywidgets.Button(
            description="Undo", icon="undo", tooltip="Go back to what is in use", disabled=not fresh
        )
        for button, style in ((self.apply, "cb-apply"), (self.undo, "cb-undo")):
            button.add_class("cb-button")
            button.add_class(style)
        self.apply.on_click(self._apply)
        self.undo.on_click(self._undo)
        self.message = Readout("message", [("message", "")])
        for field in self.fields.values():
            field.observe(self._edited, "value")
        buttons = [ipywidgets.HBox([self.apply, self.undo])] if self.fields or fresh else []
        if fresh:
            self.message.say({"message": Said("Not in use yet.")})
        elif not self.fields:
            self.message.say({"message": Said("This strategy has no parameters.")})
        self.widget = ipywidgets.VBox([*self.fields.values(), *buttons, self.message])
        self.widget.add_class("cb-parameters")

    @property
    def edited(self) -> dict[str, Any]:
        """The fields that differ from what is in use; all of them while the strategy is not."""
        if self.fresh:
            return {key: field.value for key, field in self.fields.items()}
        return {key: field.value for key, field in self.fields.items() if field.value != self._in_use.get(key)}

    def follow(self, values: Mapping[str, Any]) -> None:
        """Show the values in use, except in fields the user is editing.

        Parameters
        ----------
        values
            The parameters the bot uses now.
        """
        if self.fresh:
            return
        if values != self._in_use:
            untouched = [key for key, field in self.fields.items() if field.value == self._in_use.get(key)]
            self._in_use = dict(values)
            self._following = True
            try:
                for key in untouched:
                    self.fields[key].value = values[key]
            finally:
                self._following = False
            self._mark()
        if self._asked is not None and all(values.get(key) == value for key, value in self._asked.items()):
            self._asked = None
            self.message.say({"message": Said("In use.", "up")})

    def wait(self) -> None:
        """Say that the change was accepted and waits for the bar's close."""
        if self._asked is not None:
            self.message.say({"message": Said("Accepted: used from the next bar's close on.", "wait")})

    def refuse(self, error: str) -> None:
        """Show why the change was not accepted.

        Parameters
        ----------
        error
            The error's text: what was seen, what is allowed.
        """
        self._asked = None
        self.message.say({"message": Said(error, "error")})

    def _apply(self, _button: object) -> None:
        changes = self.edited
        if changes or self.fresh:
            self._asked = changes
            self.message.say({"message": Said("Asking the bot …", "wait")})
            self._on_apply(changes)

    def _undo(self, _button: object) -> None:
        for key, field in self.fields.items():
            field.value = self._in_use[key]
        self.message.say({"message": Said("")})
        self.on_undo()

    def _edited(self, _change: object) -> None:
        self._mark()
        if not self._following:
            self.message.say({"message": Said("Changed, not applied." if self.edited else "")})

    def _mark(self) -> None:
        """Mark edited fields, and offer Apply only when something is edited."""
        if self.fresh:
            return
        edited = self.edited
        for key, field in self.fields.items():
            (field.add_class if key in edited else field.remove_class)("cb-edited")
        self.apply.disabled = self.undo.disabled = not edited


def field_for(param: Param, value: Any) -> Any:
    """Return the input widget for one parameter.

    Parameters
    ----------
    param
        Its declaration: the kind decides the widget, doc and bounds the tooltip.
    value
        What is in use.
    """
    tooltip = f"{param.doc}. {param.allowed()}" if param.doc else param.allowed()
    common = {"description": param.name.replace("_", " "), "tooltip": tooltip, "description_allow_html": False}
    if param.choices is not None:
        field = ipywidgets.Dropdown(options=list(param.choices), value=value, **common)
    elif param.kind == "bool":
        field = ipywidgets.Checkbox(value=value, indent=False, **common)
    elif param.kind == "int":
        field = ipywidgets.IntText(value=value, **common)
    elif param.kind == "float":
        field = ipywidgets.FloatText(value=value, **common)
    else:
        field = ipywidgets.Text(value=value, continuous_update=False, **common)
    field.add_class("cb-field")
    return field
