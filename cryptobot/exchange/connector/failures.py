"""What a failure means: refused, certainly not sent, or unknown. Judged by evidence about the request, never by hope.

An exception's class alone misleads: ccxt calls a dropped connection "not available" although the order may have been
filled, and a wrong clock a network error although nothing was executed. So the first question is how far the request
came, the second what HTTP status and code came back, and only then which class ccxt chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptobot.core.errors import (
    AuthError,
    ExchangeError,
    OrderNotFound,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    TransientError,
)
from cryptobot.exchange.connector.bans import PausedError
from cryptobot.exchange.connector.calls import Call, chain, kinds


class Meaning(StrEnum):
    """What became of a request that failed."""

    REJECTED = "rejected"
    NOT_SENT = "not sent"
    CLOCK = "not executed: wrong time"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    NOT_FOUND = "not found"
    AUTH = "no right"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A meaning, and the exchange's own words."""

    meaning: Meaning
    text: str


# The connection never stood: no byte of the request has left.
_NEVER_CONNECTED: Final = {
    "ClientConnectorError",
    "ClientHttpProxyError",
    "ConnectionTimeoutError",
    "ExchangeClosedByUser",
    "gaierror",
}
# Words of refusals that a bot must tell from others: the price that an order was to wait for is there already.
_RULES: Final = (
    ("would trigger immediately", "WOULD_TRIGGER"),
    ("would immediately match", "WOULD_MATCH"),
    ("insufficient balance", "INSUFFICIENT_BALANCE"),
)
_BY_KIND: Final = (
    (Meaning.NOT_FOUND, {"OrderNotFound"}),
    (Meaning.DUPLICATE, {"DuplicateOrderId"}),
    (Meaning.UNKNOWN, {"OnMaintenance", "BadResponse", "RequestTimeout", "CancelPending"}),
    (Meaning.NOT_SENT, {"RateLimitExceeded", "DDoSProtection"}),
    (Meaning.CLOCK, {"InvalidNonce"}),
    (Meaning.AUTH, {"AuthenticationError"}),
    (
        Meaning.REJECTED,
        {
            "ArgumentsRequired",
            "BadRequest",
            "BadSymbol",
            "InsufficientFunds",
            "InvalidOrder",
            "MarketClosed",
            "NotSupported",
        },
    ),
)


def way_there(error: BaseException, calls: Sequence[Call]) -> Verdict | None:
    """Judge a failure by how far the request came; None if an answer came, or if nothing was asked at all."""
    sent = [call for call in calls if call.sent]
    if not sent:
        if isinstance(error, PausedError):
            return Verdict(Meaning.NOT_SENT, plain(error))
        return by_kind(error) if "BaseError" in kinds(error) else None
    if sent[-1].status is None:
        names = set[str]().union(*(kinds(one) for one in chain(error)))
        meaning = Meaning.NOT_SENT if names & _NEVER_CONNECTED else Meaning.UNKNOWN
        return Verdict(meaning, f"{plain(error)} ({_reason(error)})")
    return None


def by_status(call: Call, error: BaseException) -> Verdict | None:
    """Judge a failure by its HTTP status, where that alone decides."""
    status = call.status or 0
    if status in (418, 429):
        return Verdict(Meaning.NOT_SENT, f"too many requests (HTTP {status})")
    if status in (403, 451):
        why = "its firewall has" if status == 403 else "for legal reasons this place is"
        return Verdict(Meaning.BLOCKED, f"{why} refused (HTTP {status}); that will not pass by itself")
    if status >= 500:
        return Verdict(Meaning.UNKNOWN, f"HTTP {status}: {plain(error)}")
    if status < 300 and "BaseError" not in kinds(error):
        return Verdict(Meaning.UNKNOWN, f"its answer cannot be read ({type(error).__name__}: {plain(error)})")
    return None


def by_kind(error: BaseException) -> Verdict:
    """Judge by ccxt's class of the exception: all there is for exchanges that nothing better is known of."""
    names = kinds(error)
    for meaning, classes in _BY_KIND:
        if names & classes:
            return Verdict(meaning, plain(error))
    return Verdict(Meaning.UNKNOWN, plain(error))


def order_error(verdict: Verdict, what: str, name: str) -> ExchangeError:
    """Return the error for an order that failed; ``what`` names it, ``name`` the exchange."""
    text = verdict.text.rstrip(".")
    match verdict.meaning:
        case Meaning.REJECTED:
            rule = next((rule for words, rule in _RULES if words in text.lower()), "")
            return OrderRejected(f"{what}: {name} refused it: {text}. Nothing was traded.", rule)
        case Meaning.NOT_SENT | Meaning.CLOCK:
            return OrderNotSent(f"{what} was not executed: {text}. It may be tried again.")
        case Meaning.AUTH:
            return AuthError(
                f"{what}: {name} refused the key: {text}. Nothing was traded; check the key and its rights."
            )
        case Meaning.DUPLICATE:
            return OrderUnknown(
                f"{what}: {name} already has an open order with this client id: {text}. An earlier try has probably "
                "arrived; ask for the order by its client id."
            )
        case _:
            return OrderUnknown(
                f"{what}: nobody knows whether {name} took it: {text}. It is not sent again; ask for the order by its "
                "client id until that is certain."
            )


def reading_error(verdict: Verdict, what: str, name: str) -> ExchangeError:
    """Return the error for a question that failed."""
    text = verdict.text.rstrip(".")
    match verdict.meaning:
        case Meaning.NOT_FOUND:
            return OrderNotFound(f"{what}: {name} shows no such order: {text}. Soon after sending this proves nothing.")
        case Meaning.AUTH:
            return AuthError(
                f"{what}: {name} refused the key: {text}. Check the key, its rights and its allowed addresses."
            )
        case Meaning.BLOCKED:
            return AuthError(f"{what}: {name} lets nobody in from here: {text}. Use another network or exchange.")
        case Meaning.REJECTED:
            return ExchangeError(f"{what}: {name} refused the question: {text}.")
        case _:
            return TransientError(f"{what}: {name} could not be asked: {text}. Try again later.")


def plain(error: BaseException) -> str:
    """Return the words of an exception, short enough for a person."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:299] + "…"


def _reason(error: BaseException) -> str:
    deepest = list(chain(error))[-1]
    return f"{type(deepest).__name__}: {plain(deepest)}" if deepest is not error else type(error).__name__
