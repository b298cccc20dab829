"""The exchange that a configuration names, and whose account it is."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cryptobot.core.errors import ConfigError
from cryptobot.core.settings import Settings
from cryptobot.core.suggest import closest, listed

if TYPE_CHECKING:
    from cryptobot.control.config import BotConfig
    from cryptobot.exchange.protocol import Exchange

E = TypeVar("E")

_SIMULATED: Final = ("speed", "history", "cash", "fee", "slippage_bps")
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "practice": ("seed", *_SIMULATED),
    "replay": ("bars", *_SIMULATED),
    "paper": ("endpoint", "cash", "fee", "slippage_bps"),
    "testnet": ("endpoint", "buy_fee", "recv_window", "timeout", "dead_man_switch"),
    "live": ("buy_fee", "recv_window", "timeout", "dead_man_switch"),
}
_SECRET: Final = ("api_key", "secret")


def check_exchange(config: BotConfig) -> None:
    """Refuse settings that the mode's exchange does not have.

    Raises
    ------
    ConfigError
        If there are any; the message names the closest.
    """
    kind = _kind(config)
    known = ("id", *_KEYS[kind])
    for name in config.exchange:
        if name in _SECRET:
            raise ConfigError(
                f"exchange: `{name}` is a secret and does not belong into a configuration. Set it in the environment or in "
                "a file .env, for example BINANCE_API_KEY and BINANCE_API_SECRET."
            )
        if name not in known:
            raise ConfigError(
                f"exchange: `{name}` is unknown in mode {config.mode}.{closest(name, known)} Known: {listed(known)}."
            )
    if kind == "replay" and not isinstance(config.exchange.get("bars"), str):
        raise ConfigError("exchange: `bars` is missing. Give the file to replay: bars = 'candles.feather'.")
    if kind not in ("practice", "replay") and not isinstance(config.exchange.get("id"), str):
        raise ConfigError("exchange: `id` is missing. Give the exchange's name, for example id = 'binance'.")


def make_exchange(config: BotConfig) -> Exchange:
    """Make the exchange; raises `ConfigError` and `AuthError` as its class does."""
    check_exchange(config)
    kind, given = _kind(config), {**config.exchange}
    chosen = given.pop("id", None)
    if kind == "practice":
        from cryptobot.exchange.practice import PracticeExchange

        return _made(PracticeExchange, timeframe=config.timeframe or "1m", **given)
    if kind == "replay":
        from cryptobot.exchange.replay import ReplayExchange
        from cryptobot.market.read import read_bars

        return _made(ReplayExchange, bars=read_bars(given.pop("bars")), **given)
    from cryptobot.exchange.connector.exchange import CcxtExchange

    if kind == "paper":
        from cryptobot.exchange.paper import PaperExchange

        endpoint = given.pop("endpoint", None)
        return _made(PaperExchange, source=_made(CcxtExchange, id=chosen, endpoint=endpoint), **given)
    return _made(CcxtExchange, id=chosen, mode=config.mode, **given)


def account_of(config: BotConfig) -> str:
    """Return a fingerprint of the account that orders go to, nothing secret; ``""`` where there is none to share."""
    if config.mode not in ("testnet", "live"):
        return ""
    exchange = config.exchange["id"]
    key, _ = Settings.exchange_keys(exchange)
    # One live account may be reached under several addresses; play accounts of two servers are two.
    place = config.exchange.get("endpoint", "") if config.mode == "testnet" else ""
    parts = "\n".join(["cryptobot account", exchange, config.mode, place, key or ""])
    return hashlib.sha256(parts.encode()).hexdigest()[:20]


def _kind(config: BotConfig) -> str:
    if config.mode != "practice":
        return config.mode
    chosen = config.exchange.get("id", "practice")
    if chosen not in ("practice", "replay"):
        raise ConfigError(
            f"exchange: id = {chosen!r} is not allowed in mode practice.{closest(str(chosen), ['practice', 'replay'])} "
            "Allowed: `practice`, `replay`. For prices of a real exchange set mode = 'paper'."
        )
    return str(chosen)


def _made(maker: Callable[..., E], **given: Any) -> E:
    """Make something whose numbers must be numbers: a text from a file would only fail much later."""
    hints = inspect.signature(maker).parameters
    for name, value in given.items():
        annotation = str(hints[name].annotation)
        wants_text = "str" in annotation or "Literal" in annotation
        if isinstance(value, str | bool) and not wants_text and name not in ("bars", "source"):
            raise ConfigError(f"exchange: {name} = {value!r} is not allowed. Give a number.")
    return maker(**given)
