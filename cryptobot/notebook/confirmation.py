"""The strip that says what an action will do and asks for a word before it is done."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets

from cryptobot.notebook.readout import Readout
from cryptobot.notebook.said import Said


class Confirmation:
    """Asks once, over the panel: nothing below it moves.

    Attributes
    ----------
    widget
        The strip; hidden while nothing is asked.
    yes, no
        The two buttons.
    typed
        The field for the word, where one is wanted.
    option
        A box to tick, where the action has one.
    """

    def __init__(self) -> None:
        self._then: Callable[[bool], None] | None = None
        self._word = ""
        self.text = Readout("confirm-text", [("text", "")])
        self.typed = ipywidgets.Text(continuous_update=True, description_allow_html=False)
        self.option = ipywidgets.Checkbox(indent=False, description_allow_html=False)
        self.yes = ipywidgets.Button(icon="check")
        self.no = ipywidgets.Button(description="Cancel", tooltip="Do nothing (Escape)")
        for widget, style in (
            (self.typed, "cb-confirm-word"),
            (self.option, "cb-confirm-option"),
            (self.yes, "cb-confirm-yes"),
            (self.no, "cb-confirm-no"),
        ):
            widget.add_class(style)
        for button in (self.yes, self.no):
            button.add_class("cb-button")
        self.typed.observe(self._typed, "value")
        self.yes.on_click(self._yes)
        self.no.on_click(self._no)
        buttons = ipywidgets.HBox([self.option, self.typed, self.yes, self.no])
        buttons.add_class("cb-confirm-row")
        self.widget = ipywidgets.VBox([self.text, buttons])
        for style in ("cb-confirm", "cb-away"):
            self.widget.add_class(style)

    @property
    def asked(self) -> bool:
        """Whether an answer is awaited."""
        return self._then is not None

    def ask(self, title: str, text: str, then: Callable[[bool], None], *, word: str = "", option: str = "") -> None:
        """Ask for an action to be confirmed; a question that was open is dropped.

        Parameters
        ----------
        title
            What would be done, as the button says it.
        text
            What it will do.
        then
            Called on yes, with whether the option is ticked.
        word
            What has to be typed first, or an empty text.
        option
            The text of a box to tick, or an empty text for none.
        """
        self._then, self._word = then, word
        self.text.say({"text": Said(f"{title}?", note=text)})
        self.option.description, self.option.value = option, False
        self.typed.value = ""
        self.typed.description = f"Type {word} to confirm" if word else ""
        self.yes.description = title
        for widget, shown in ((self.option, bool(option)), (self.typed, bool(word))):
            (widget.remove_class if shown else widget.add_class)("cb-away")
        self._typed(None)
        self.widget.remove_class("cb-away")
        (self.typed if word else self.yes).focus()

    def withdraw(self) -> None:
        """Take the question back."""
        self._then = None
        self.widget.add_class("cb-away")

    def _typed(self, _change: object) -> None:
        self.yes.disabled = bool(self._word) and str(self.typed.value).strip().upper() != self._word

    def _yes(self, _button: object) -> None:
        then = self._then
        if then is not None and not self.yes.disabled:
            ticked = bool(self.option.value)
            self.withdraw()
            then(ticked)

    def _no(self, _button: object) -> None:
        self.withdraw()
