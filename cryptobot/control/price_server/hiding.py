"""Secrets, kept out of everything that the server says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cryptobot.control.price_server.subject import Subject
from cryptobot.core.secrecy import Redactor
from cryptobot.core.settings import Settings
from cryptobot.exchange.paper import PaperExchange
from cryptobot.trading.bot import Bot, running_bots


def hider(subject: Subject, also: Callable[[str], str] | None = None) -> Callable[[str], str]:
    """Return a function that takes keys, tokens and signed requests out of texts.

    It knows the settings' secrets as they are now, and those that the exchanges of the bots were given.

    Parameters
    ----------
    subject
        What is shown.
    also
        Applied as well, or None.
    """
    secrets = Settings.load().secrets().values()
    # The secret part of a webhook's address is its last one.
    settings = Redactor([*secrets, *(secret.rstrip("/").rpartition("/")[2] for secret in secrets if "://" in secret)])

    def hide(text: str) -> str:
        bots = running_bots() if subject.bots is None else subject.bots
        # The process of an attached bot takes its own secrets out.
        used = [*subject.exchanges, *(bot.exchange for bot in bots if isinstance(bot, Bot))]
        for redactor in (settings, *_redactors(used)):
            text = redactor.text(text)
        return text if also is None else also(text)

    return hide


def _redactors(exchanges: Sequence[Any]) -> list[Redactor]:
    found = []
    for exchange in exchanges:
        source = exchange
        while isinstance(source, PaperExchange):
            source = source.source
        redactor = getattr(source, "redactor", None)
        if isinstance(redactor, Redactor):
            found.append(redactor)
    return found
