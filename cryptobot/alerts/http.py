"""One POST: no redirects, nothing long read, and no secret in what went wrong."""

from __future__ import annotations

import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from ipaddress import ip_address
from typing import IO, Any, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from cryptobot.alerts.clean import safe
from cryptobot.alerts.errors import AlertError
from cryptobot.core.errors import ConfigError
from cryptobot.core.secrecy import keep_secret

_MOST_READ: Final = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes
    ----------
    status
        The HTTP status.
    said
        The beginning of its text, on one line, without secrets.
    headers
        By their names in lower case.
    """

    status: int
    said: str
    headers: Mapping[str, str] = field(default_factory=dict)


def require_url(url: object, name: str) -> SecretStr:
    """Take an address that secrets may be sent to.

    Raises
    ------
    ConfigError
        If it is none, or would send secrets unencrypted to another machine. Its value is not shown.
    """
    text = (url.get_secret_value() if isinstance(url, SecretStr) else str(url)).strip()
    parts = _parts(text) if text.isascii() and text.isprintable() and " " not in text else None
    host = parts.hostname if parts is not None else None
    if parts is None or not host or parts.scheme not in ("http", "https"):
        raise ConfigError(
            f"{name}: it is no address. Give the whole of it, beginning with https://. (It is not shown.)"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{name}: it holds a user name or password. Give an address without, and a token beside it.")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError(f"{name}: http:// would send secrets unencrypted. Use https://; http:// is for this machine.")
    keep_secret(text)
    return SecretStr(text)


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        port = parts.port  # looked at only when it is asked for
    except ValueError:
        return None
    return None if port == 0 else parts


def secrets_of(url: str) -> list[str]:
    """Return what of an address must not be shown: the whole, and each longer part of its path and query."""
    parts = urlsplit(url)
    return [url, *(part for part in re.split(r"[/?&=#]", f"{parts.path}?{parts.query}") if len(part) >= 8)]


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float, secrets: Iterable[str]) -> Answer:
    """Post a JSON document.

    Raises
    ------
    AlertError
        If there was no answer.
    """
    known = list(secrets)
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers}, method="POST")  # noqa: S310 - see require_url
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=timeout) as response:
            return _answer(response.status, response, response.headers, known)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error, error.headers, known)
    except Exception as error:  # noqa: BLE001 - whatever a network can raise, and without its own words' secrets
        raise unreachable(error, "the receiver", known) from None


def unreachable(error: BaseException, who: str, secrets: Iterable[str]) -> AlertError:
    """Say in words why there was no answer, and whether the message may have arrived all the same."""
    seen = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(seen, ConnectionRefusedError):
        return AlertError(f"{who} refuses connections. Check the address, and whether it runs.")
    if isinstance(seen, socket.gaierror):
        return AlertError(f"{who}: the name of its host is not found. Check the network and the address.")
    if isinstance(seen, ssl.SSLError):
        return AlertError(
            f"{who}: no safe connection ({safe(seen, secrets, 120)}). Check the computer's clock and certificates, and "
            "whether a proxy stands between."
        )
    if isinstance(seen, TimeoutError):
        # Said of the connection when it comes as a URLError, else of the answer: then the message is on its way.
        waiting = not isinstance(error, urllib.error.URLError)
        what = "did not answer in time" if waiting else "cannot be reached in time"
        return AlertError(f"{who} {what}.", maybe_told=waiting)
    if isinstance(seen, OSError | HTTPException):
        kind = type(seen).__name__
        return AlertError(f"{who}: the connection broke ({kind}: {safe(seen, secrets, 120)}).", maybe_told=True)
    return AlertError(f"{who}: {type(seen).__name__}: {safe(seen, secrets, 120)}.", maybe_told=True)


def retry_after(text: str | None) -> float:
    """Read how many seconds a server wants to be left alone: 30 where it does not say so in whole seconds."""
    said = (text or "").strip()
    return float(min(int(said), 3_600)) if said.isascii() and said.isdigit() and len(said) < 10 else 30.0


def _answer(status: int, response: IO[bytes], headers: Message, secrets: list[str]) -> Answer:
    try:
        text = response.read(_MOST_READ).decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        text = f"(the rest is missing: {type(error).__name__})"
    return Answer(status, safe(text, secrets, 200), {name.lower(): value for name, value in headers.items()})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none: the address and the token are not for others."""
