"""The two buttons over the list of bots: stop all, and shut all down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from cryptobot.core.types import Mode
from cryptobot.notebook.confirmation import Confirmation
from cryptobot.notebook.weakly import weakly

if TYPE_CHECKING:
    from cryptobot.trading.status import BotStatus

STOP: Final = "Stop all"
SHUT_DOWN: Final = "Shut down all"
_WHAT: Final = {
    STOP: "Every bot decides and sends nothing more.",
    SHUT_DOWN: "Every bot stops, and the processes of launched bots end. Start one again with cb.launch or `cryptobot run`.",
}


class AllAtOnce:
    """Buttons that say what they will do with all bots, and ask before.

    Parameters
    ----------
    do
        Called with `STOP` or `SHUT_DOWN` when it was confirmed.

    Attributes
    ----------
    buttons
        By what they do.
    confirmation
        The strip that asks.
    """

    def __init__(self, do: Callable[[str], None]) -> None:
        self._do = do
        self._seen: Sequence[BotStatus] = ()
        self.confirmation = Confirmation()
        self.buttons: dict[str, Any] = {}
        for name, icon, style in ((STOP, "stop", "cb-stop"), (SHUT_DOWN, "power-off", "cb-shut-down")):
            button = ipywidgets.Button(description=name, icon=icon, tooltip=_WHAT[name], disabled=True)
            button.add_class("cb-button")
            button.add_class(style)
            button.on_click(weakly(self._clicked))
            self.buttons[name] = button

    def follow(self, seen: Sequence[BotStatus]) -> None:
        """Offer what can be done now.

        Parameters
        ----------
        seen
            Where the bots stand.
        """
        self._seen = list(seen)
        self.buttons[STOP].disabled = not any(status.state in ("starting", "running") for status in seen)
        self.buttons[SHUT_DOWN].disabled = not seen

    def _clicked(self, button: Any) -> None:
        name, seen = str(button.description), self._seen
        held = sum(bool(status.quantity) for status in seen)
        resting = sum(status.open_orders for status in seen)
        left = [f"{held} position{'s' * (held != 1)}"] * bool(held) + [f"{resting} order{'s' * (resting != 1)}"] * bool(
            resting
        )
        stays = f" {' and '.join(left)} stay open." if left else ""
        count = f"{len(seen)} bot{'s' * (len(seen) != 1)}: {', '.join(status.name for status in seen)}."
        live = any(status.mode is Mode.LIVE for status in seen)
        self.confirmation.ask(
            name, f"{count} {_WHAT[name]}{stays}", lambda _ticked: self._do(name), word=name.upper() if live else ""
        )
