"""The ccxt object of one connection, set up so that it keeps its manners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from cryptobot.core.errors import ConfigError
from cryptobot.core.secrecy import Redactor
from cryptobot.core.suggest import closest, listed
from cryptobot.exchange.connector.bans import Gate
from cryptobot.exchange.connector.ccxt_packages import exchange_type
from cryptobot.exchange.connector.guard import guarded, silence
from cryptobot.exchange.connector.quirks.base import Quirks

# A port that nobody listens on: what is not wanted ends here instead of at the exchange.
NOWHERE: Final = "http://127.0.0.1:9/blocked"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_KEEP_ALIVE: Final = 20_000
_LOCAL: Final = 0.5


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach an exchange.

    Attributes
    ----------
    api_key, secret
        None for public data only.
    endpoint
        Base URL of a server to use instead of the exchange's own, or None.
    testnet
        Whether to use the exchange's own test network.
    recv_window
        Milliseconds that a signed request stays valid.
    timeout
        Seconds to wait for an answer.
    session
        An aiohttp session to use, which is left open; None makes one.
    """

    api_key: str | None
    secret: str | None
    endpoint: str | None
    testnet: bool
    recv_window: int
    timeout: float
    session: Any = None

    def __repr__(self) -> str:
        keys = "no keys" if self.api_key is None else "keys"
        return f"Access({keys}, endpoint={self.endpoint!r}, testnet={self.testnet})"


def exchange_class(exchange_id: str) -> type:
    """Return ccxt's class of an exchange.

    Raises
    ------
    ConfigError
        If it is no name, or ccxt has none of that name; the message names the closest.
    """
    if not isinstance(exchange_id, str):
        raise ConfigError(
            f"exchange: {exchange_id!r} is not a name. Give ccxt's, for example 'binance'; to trade on paper at the prices of "
            "an exchange object, cb.PaperExchange(source=exchange)."
        )
    found = exchange_type(exchange_id)
    if found is not None:
        return found
    import ccxt.async_support

    known = ccxt.async_support.exchanges
    some = ("binance", "coinbase", "kraken")
    raise ConfigError(
        f"exchange: {exchange_id!r} is unknown.{closest(exchange_id, known)} Known are {listed(some)} and the other "
        f"{len(known) - len(some)} exchanges of ccxt."
    )


def make(
    quirks: Quirks,
    access: Access,
    *,
    gate: Gate,
    redactor: Redactor,
    nonce: Callable[[], int] | None,
    report: Callable[[dict[str, Any]], None] | None,
    local: bool = False,
) -> Any:
    """Return a ccxt exchange object that makes requests only where and how it should.

    Parameters
    ----------
    quirks, access
        Which exchange, and how it is reached.
    gate, redactor
        Its limits, and what must not be shown.
    nonce
        The exchange's time in milliseconds, for signatures; None for ccxt's own.
    report
        Called with each raw message about an order.
    local
        Whether it is a server on this machine: its requests need no spacing, since its market's minutes may be short.
        Its own count of what is used is kept to all the same.
    """
    config: dict[str, Any] = {
        "enableRateLimit": True,
        "timeout": round(access.timeout * 1000),
        "options": {"maxRetriesOnFailure": 0, "warnOnFetchOpenOrdersWithoutSymbol": False, **quirks.options},
    }
    if access.api_key is not None and access.secret is not None:
        config |= {"apiKey": access.api_key, "secret": access.secret}
    if access.session is not None:
        config["session"] = access.session
    if local:
        config["rateLimit"] = _LOCAL
    elif quirks.rate_limit is not None:
        config["rateLimit"] = quirks.rate_limit
    made: Any = guarded(exchange_class(quirks.id))(config)
    made.guard_gate = gate
    made.guard_redactor = redactor
    made.guard_spot_errors = quirks.has_spot_errors
    made.guard_nonce = nonce
    made.guard_report = report
    if quirks.has_receive_window:
        made.options["recvWindow"] = access.recv_window
    silence(made)
    made.streaming = {**made.streaming, "keepAlive": min(made.streaming.get("keepAlive", _KEEP_ALIVE), _KEEP_ALIVE)}
    if access.testnet:
        made.set_sandbox_mode(True)
    if access.endpoint is not None:
        quirks.point(made, access.endpoint)
    else:
        quirks.confine(made)
    return made


def checked_endpoint(endpoint: str) -> tuple[str, bool]:
    """Return a base URL without its last slash, and whether it is on this machine.

    Raises
    ------
    ConfigError
        If it is no such URL, or would carry keys over a network unencrypted.
    """
    text = str(endpoint).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
        raise ConfigError(
            f"endpoint: {endpoint!r} is not the base URL of a server. Write http://127.0.0.1:PORT for one on this "
            "machine, https://HOST for one elsewhere."
        )
    local = parts.hostname in _LOOPBACK
    if not local and parts.scheme != "https":
        raise ConfigError(
            f"endpoint: {endpoint!r} would carry signed requests over the network unencrypted. Use https://, or a "
            "server on 127.0.0.1."
        )
    return text, local


def dead(node: Any) -> Any:
    """Return a tree of URLs of which none leads anywhere."""
    return {name: dead(part) for name, part in node.items()} if isinstance(node, dict) else NOWHERE
