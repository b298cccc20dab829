"""What the faces need to be installed, said in one sentence instead of an import error."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec

from cryptobot.core.errors import ConfigError

LAB_PACKAGES = ("anywidget", "bqplot", "bqscales", "ipywidgets")


def missing_packages() -> list[str]:
    """Return the packages of the extra `lab` that are not installed."""
    return [name for name in LAB_PACKAGES if find_spec(name) is None]


def require_lab() -> None:
    """Make sure that the control panel can be shown.

    Raises
    ------
    ConfigError
        If a package of the extra `lab` is missing; the message names it and how to get it.
    """
    missing = missing_packages()
    if missing:
        raise ConfigError(
            f"The control panel needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed. "
            "Install the extra `lab`: pip install '.[lab]' in the checkout, then restart the kernel. "
            "Without it, bot.status(), bot.logs() and bot.trades() tell the same."
        )


def asset(name: str) -> str:
    """Return the text of a style sheet or script that belongs to this package.

    Parameters
    ----------
    name
        File name, for example ``"panel.css"``.
    """
    return (files("cryptobot.notebook") / name).read_text(encoding="utf-8")
