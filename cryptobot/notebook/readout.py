"""Named texts in fixed places of the panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import anywidget
import traitlets

from cryptobot.notebook.needs import asset
from cryptobot.notebook.said import Said


class Readout(anywidget.AnyWidget):
    """Texts in fixed places; the page sets them as text, so none of them is ever read as HTML.

    Parameters
    ----------
    kind
        Style class: ``"header"``, ``"figures"``, ``"decision"``, ``"message"``.
    slots
        Key and label of each place, in order.
    """

    _esm = asset("readout.js")
    kind = traitlets.Unicode().tag(sync=True)
    slots: traitlets.List[Any] = traitlets.List().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)

    def __init__(self, kind: str, slots: Sequence[tuple[str, str]], **traits: Any) -> None:
        super().__init__(kind=kind, slots=[list(slot) for slot in slots], **traits)

    def say(self, values: Mapping[str, Said]) -> None:
        """Show these texts; a message goes to the page only if one of them is new."""
        self.values = {key: asdict(said) for key, said in values.items()}

    @property
    def said(self) -> Mapping[str, Any]:
        """What stands in all places."""
        return dict(self.values)

    def text(self, key: str) -> str:
        """Return what stands in a place, for tests and scripts.

        Parameters
        ----------
        key
            The place's key.
        """
        return str(self.values.get(key, {}).get("text", ""))
