"""How widgets that are not shown any more are let go."""

from __future__ import annotations

from typing import Any

import ipywidgets


def close_all(root: Any) -> None:
    """Close a widget with its children, marks, scales, layouts and styles: ipywidgets keeps what is not closed.

    Parameters
    ----------
    root
        The widget.
    """
    for widget in _with_parts(root, {}).values():
        widget.close()


def _with_parts(value: Any, found: dict[int, Any]) -> dict[int, Any]:
    """Return all widgets that are reached from a value, by identity."""
    if isinstance(value, ipywidgets.Widget):
        if id(value) not in found:
            found[id(value)] = value
            for part in value.trait_values().values():
                _with_parts(part, found)
    elif isinstance(value, list | tuple):
        for part in value:
            _with_parts(part, found)
    elif isinstance(value, dict):
        _with_parts(list(value.values()), found)
    return found
