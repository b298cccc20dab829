"""Signed requests: who asks, and when it was asked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from cryptobot.exchange.simulator.answers import ApiError, illegal, missing

RECV_WINDOW: Final = 5000.0
MAX_RECV_WINDOW: Final = 60_000.0
# How far ahead of the exchange's clock a timestamp may be, in milliseconds.
_AHEAD: Final = 1000
_MICROSECONDS: Final = 10**14  # a timestamp above this counts microseconds


def signature(secret: str, payload: str) -> str:
    """Return the HMAC-SHA256 of a payload as hexadecimal digits.

    Parameters
    ----------
    secret
        The secret that belongs to the key.
    payload
        REST: query string and body, one after the other, without the signature. WebSocket API: ``name=value`` pairs in
        alphabetical order, joined by ``&``.

    References
    ----------
    Binance Spot API documentation, "SIGNED Endpoint security".
    """
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def payload_of(params: Mapping[str, Any]) -> str:
    """Return what a request to the WebSocket API signs."""
    named = sorted((name, value) for name, value in params.items() if name != "signature")
    return "&".join(f"{name}={_text(value)}" for name, value in named)


def _unsigned(part: str) -> str:
    return re.sub(r"(?:^|&)signature=[^&]*", "", part).lstrip("&")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Keys:
    """The one key of the simulated account; random unless it is given.

    Attributes
    ----------
    api_key
        Shown in the clear in every request.
    secret
        Signs; never shown by `repr`.
    """

    api_key: str = field(default_factory=lambda: secrets.token_hex(32))
    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("Keys hold a secret and are not pickled.")

    def check_rest(self, api_key: str | None, query: str, body: str) -> None:
        """Refuse a REST request that the key's owner did not sign.

        Parameters
        ----------
        api_key
            The header ``X-MBX-APIKEY``.
        query, body
            As they came over the wire, still encoded.
        """
        self._check_key(api_key)
        given = ""
        for part in (body, query):
            found = re.search(r"(?:^|&)signature=([^&]*)", part)
            if found:
                given = found[1]
        if not given:
            raise missing("signature")
        self._check_signature(given, _unsigned(query) + _unsigned(body))

    def check_socket(self, params: Mapping[str, Any]) -> None:
        """Refuse a request to the WebSocket API that the key's owner did not sign."""
        if "apiKey" not in params:
            raise missing("apiKey")
        self._check_key(str(params["apiKey"]))
        if not params.get("signature"):
            raise missing("signature")
        self._check_signature(str(params["signature"]), payload_of(params))

    def _check_key(self, api_key: str | None) -> None:
        if not api_key:
            raise ApiError(-2014, "API-key format invalid.", 401)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", api_key):
            raise ApiError(-2014, "API-key format invalid.", 401)
        if not hmac.compare_digest(api_key, self.api_key):
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)

    def _check_signature(self, given: str, payload: str) -> None:
        # HMAC signatures are compared whatever their letters' case.
        if not hmac.compare_digest(given.lower().encode("utf-8", "replace"), signature(self.secret, payload).encode()):
            raise ApiError(-1022, "Signature for this request is not valid.")


@dataclass(frozen=True, slots=True)
class Window:
    """For how long a signed request may be executed.

    Attributes
    ----------
    timestamp
        When it was made by the sender's clock, milliseconds.
    length
        How old it may be, milliseconds.
    """

    timestamp: float
    length: float

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Window:
        """Read ``timestamp`` and ``recvWindow``.

        Raises
        ------
        ApiError
            If the timestamp is missing or one of the two is no number that Binance takes.
        """
        timestamp = str(params.get("timestamp", ""))
        if not timestamp:
            raise missing("timestamp")
        if not re.fullmatch(r"\d{1,20}", timestamp):
            raise illegal("timestamp", "^[0-9]{1,20}$")
        length = str(params.get("recvWindow", "")) or str(RECV_WINDOW)
        if not re.fullmatch(r"\d{1,20}(\.\d{1,3})?", length):
            raise illegal("recvWindow", "^([0-9]{1,20})(\\.[0-9]{1,3})?$")
        if float(length) > MAX_RECV_WINDOW:
            raise ApiError(-1131, "recvWindow must be less than 60000")
        number = float(timestamp)
        return cls(number / 1000 if number > _MICROSECONDS else number, float(length))

    def check(self, now: float) -> None:
        """Refuse a request from the future, or one that is too old.

        Parameters
        ----------
        now
            Milliseconds by the exchange's clock.
        """
        if self.timestamp >= now + _AHEAD:
            raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        self.check_age(now)

    def check_age(self, now: float) -> None:
        """Refuse a request that is too old: asked once more just before it would be executed."""
        if now - self.timestamp > self.length:
            raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
