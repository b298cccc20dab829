"""How a bot shows itself: as its panel where widgets can be shown, as a table of words everywhere else."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from cryptobot.notebook.needs import missing_packages
from cryptobot.notebook.numbers import Units
from cryptobot.notebook.status_words import FIGURES, figures, header
from cryptobot.trading.display import DISPLAYS

if TYPE_CHECKING:
    from cryptobot.control.handle import BotHandle


@DISPLAYS.register("bot")
def display_bot(bot: BotHandle, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    """Return what a notebook shows for a bot.

    Parameters
    ----------
    bot
        The bot.
    include, exclude
        As in IPython's `_repr_mimebundle_`.

    Returns
    -------
    dict
        The control panel for pages that show widgets, and a summary in HTML and plain text for all others.
    """
    bundle: dict[str, Any] = {"text/plain": repr(bot), "text/html": summary(bot)}
    if not missing_packages():
        from cryptobot.notebook.panel import ControlPanel

        shown = ControlPanel(bot)._repr_mimebundle_(include, exclude)
        data = shown[0] if isinstance(shown, tuple) else shown
        bundle |= {key: value for key, value in data.items() if key not in bundle}
    return bundle


def summary(bot: BotHandle) -> str:
    """Write a bot's status as an HTML table; every text is escaped.

    Parameters
    ----------
    bot
        The bot.
    """
    status = bot.status()
    words = header(status, 0)
    values = figures(status, Units.of(status.symbol, status.price))
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(label)}</th>"
        f"<td style='text-align:right'>{escape(values[key].text)}</td><td>{escape(values[key].note)}</td></tr>"
        for key, label in FIGURES
    )
    heading = " · ".join(words[key].text for key in ("mode", "state", "market"))
    reason = f"<p>{escape(words['reason'].text)}</p>" if words["reason"].text else ""
    return (
        f"<div><p><b>{escape(heading)}</b> {escape(words['market'].note)}</p>{reason}"
        f"<table style='font-variant-numeric:tabular-nums'>{rows}</table></div>"
    )
