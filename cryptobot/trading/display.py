"""How a bot shows itself: faces register here, so that the bot need not know them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptobot.core.registry import Registry

DISPLAYS: Registry[Callable[..., dict[str, Any]]] = Registry(
    "display", "cryptobot.displays", lambda: ["cryptobot.notebook.display"]
)
