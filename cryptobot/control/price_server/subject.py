"""What a price server is asked to show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptobot.control.attached_bot import AttachedBot
from cryptobot.core.errors import ConfigError
from cryptobot.exchange.paper import PaperExchange
from cryptobot.exchange.protocol import Exchange
from cryptobot.trading.bot import Bot, running_bots

_HOW = "Give a bot, several bots, an exchange, or nothing for all bots that run."


@dataclass(frozen=True, slots=True)
class Subject:
    """What is shown.

    Attributes
    ----------
    bots
        These; None for those that run, in this process or in their own, whenever they do.
    exchanges
        Where prices come from beside the bots.
    symbols
        Markets of the exchanges to look at all the time, or None.
    """

    bots: Sequence[Bot | AttachedBot] | None
    exchanges: Sequence[Exchange]
    symbols: Sequence[str] | None

    @classmethod
    def of(cls, what: Any, symbols: Iterable[str] | str | None = None) -> Subject:
        """Sort out what was given.

        Raises
        ------
        ConfigError
            If something is neither a bot nor an exchange, or a bot uses that exchange.
        """
        chosen = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        if what is None:
            if chosen is not None:
                raise ConfigError(
                    "symbols: they are for an exchange. Give one: cb.PriceServer(exchange, symbols=[...])."
                )
            return cls(None, (), None)
        given = list(what) if isinstance(what, list | tuple | set | frozenset) else [what]
        if not given:
            raise ConfigError(f"PriceServer: the list is empty. {_HOW}")
        bots = [one for one in given if isinstance(one, Bot | AttachedBot)]
        exchanges = [_exchange(one) for one in given if not isinstance(one, Bot | AttachedBot)]
        for exchange in exchanges:
            _check_free(exchange, [*(bot for bot in bots if isinstance(bot, Bot)), *running_bots()])
        if chosen is not None and not exchanges:
            raise ConfigError("symbols: a bot has its own. Leave them out.")
        return cls(bots, exchanges, chosen)


def _exchange(given: Any) -> Exchange:
    if isinstance(given, type) or not hasattr(given, "stream") or not hasattr(given, "quote"):
        call = f" Make one: {given.__name__}()." if isinstance(given, type) else ""
        raise ConfigError(f"PriceServer: {given!r} is neither a bot nor an exchange.{call} {_HOW}")
    while isinstance(given, PaperExchange):  # prices are those of its source; nobody trades here
        given = given.source
    exchange: Exchange = given
    return exchange


def _check_free(exchange: Exchange, bots: Sequence[Bot]) -> None:
    for bot in bots:
        used = bot.exchange
        while isinstance(used, PaperExchange):
            used = used.source
        if used is exchange:
            raise ConfigError(
                f"PriceServer: {bot.name} trades on this exchange object. Give the bot, cb.PriceServer(bot), or an "
                "exchange object of the server's own."
            )
