"""Callbacks that do not keep their owner alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


def weakly(method: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that calls a bound method as long as its object exists.

    ipywidgets keeps every widget, and with it the widget's callbacks, until it is closed: a bound method there would
    keep a forgotten panel and its bot for ever.

    Parameters
    ----------
    method
        A bound method.
    """
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        alive = reference()
        if alive is not None:
            alive(*args)

    return call
