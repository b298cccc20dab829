"""Secrets, kept out of every text that a person, a log, a journal or a notebook may keep.

What is known to be secret is told to `keep_secret` where it comes in; `redact` takes it out of whatever goes out. What
looks like a secret by the name beside it, or by its shape, is taken out, too, whoever it belongs to.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote, urlsplit

_HIDDEN: Final = "…"
_NAMES: Final = (
    "signature|apiKey|api_key|api-key|API-Key|API-Sign|X-MBX-APIKEY|Authorization|timestamp|recvWindow|nonce|listenKey"
    "|listenToken|token|jwt|secret|password|otp"
)
# One of these stands in each of the names: looked for first, because most texts hold none.
_WORDS: Final = (
    *("signature", "api", "authorization", "timestamp", "recvwindow", "nonce", "listen", "token", "jwt", "secret"),
    *("password", "otp"),
)
# name=value of a query or body, and "name": "value" of JSON or of a dict's repr.
_PAIR: Final = re.compile(rf"(?i)\b({_NAMES})(=|%3D)[^&\s'\"<>,;]+")
_ENTRY: Final = re.compile(rf"(?i)(['\"](?:{_NAMES})['\"]\s*:\s*)(['\"][^'\"]*['\"]|[\w.+/=-]+)")
# What is a secret by its shape: addresses of webhooks, tokens of Slack, what follows "Bearer", the password in an address,
# a private key.
_SHAPES: Final = (
    ("hooks.slack", re.compile(r"(?i)(https?://hooks\.slack[\w.-]*/)[^\s'\"<>|]+"), rf"\1{_HIDDEN}"),
    ("xo", re.compile(r"\bxox[a-z](?:\.xox[a-z])?-[\w-]+"), _HIDDEN),
    ("earer ", re.compile(r"(?i)\b(Bearer )[\w.~+/=-]{6,}"), rf"\1{_HIDDEN}"),
    ("@", re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@'\"]+@"), rf"\1{_HIDDEN}@"),
    (
        "PRIVATE KEY",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|$)", re.DOTALL),
        _HIDDEN,
    ),
)
_SHORTEST: Final = 6
# Shorter ones would be found in ordinary words; these are taken out of everything that is said.
_SHORTEST_EVERYWHERE: Final = 8
_CERTAIN: Final = 16
_MOST: Final = 500


class Redactor:
    """Takes secrets out of texts.

    Parameters
    ----------
    secrets
        Values that must never be seen, wherever they stand. Very short ones are left to the names beside them, because
        they would be found in ordinary words.

    Examples
    --------
    >>> Redactor(["hunter2hunter2"]).text("GET https://a.b/api?x=1&timestamp=5&signature=ab12 hunter2hunter2")
    'GET https://a.b/api?x=1&timestamp=…&signature=… …'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if secret}
        self._secrets = sorted((s for s in known if len(s) >= _SHORTEST), key=len, reverse=True)
        keep_secret(*known)

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return redact(text)

    def scrub(self, error: BaseException) -> None:
        """Take secrets out of an exception and of those that caused it, in place: tracebacks print them all."""
        _scrub(error, self.text)

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"


def scrub(error: BaseException) -> None:
    """Take secrets out of an exception and of those that caused it, in place."""
    _scrub(error, redact)


def _scrub(error: BaseException, clean: Callable[[str], str]) -> None:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.args = tuple(clean(a) if isinstance(a, str) else a for a in one.args)
        for name in ("message", "reason", "url"):
            if isinstance(getattr(one, name, None), str):
                with contextlib.suppress(AttributeError):  # some can only be read, that of a group for one
                    setattr(one, name, clean(getattr(one, name)))
        notes = getattr(one, "__notes__", None)
        if isinstance(notes, list):
            notes[:] = [clean(note) if isinstance(note, str) else note for note in notes]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        waiting += (one.__cause__, one.__context__)


_lock = threading.Lock()
_known: dict[str, None] = {}  # in the order in which they came
_longest_first: tuple[str, ...] = ()
# The last text that was looked at, what was known to be secret then, and what came out: a notice goes to the log, to
# the journal and to people, who all ask.
_last: tuple[str, tuple[str, ...], str] = ("", (), "")
_REMEMBERED: Final = 2_000


def keep_secret(*secrets: str) -> None:
    """Let no text that the library says show these any more.

    Parameters
    ----------
    *secrets
        Keys, tokens and whole addresses; of an address, its longer parts count by themselves. Shorter ones than eight
        characters are passed over.
    """
    global _longest_first  # noqa: PLW0603 - one process has one memory of what is secret
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST_EVERYWHERE}
    if forms <= _known.keys():
        return
    with _lock:
        for form in forms:
            _known.pop(form, None)
            _known[form] = None
        while len(_known) > _MOST:  # servers of tests come and go
            del _known[next(iter(_known))]
        _longest_first = tuple(sorted(_known, key=len, reverse=True))


def redact(text: str) -> str:
    """Return a text without secrets.

    Examples
    --------
    >>> redact("POST https://hooks.slack.com/services/T0/B0/xyz failed: Bearer abcdef0123")
    'POST https://hooks.slack.com/… failed: Bearer …'
    """
    global _last  # noqa: PLW0603 - as above
    known, (asked, then, told) = _longest_first, _last
    if asked == text and then is known:
        return told
    told = _redacted(text, known)
    if len(text) <= _REMEMBERED:
        _last = text, known, told
    return told


def _redacted(text: str, known: tuple[str, ...]) -> str:
    for secret in known:
        if secret in text:
            text = text.replace(secret, _HIDDEN)
    lower = text.lower()
    if any(word in lower for word in _WORDS):
        text = _ENTRY.sub(rf"\1'{_HIDDEN}'", _PAIR.sub(rf"\1\2{_HIDDEN}", text))
    for mark, shape, instead in _SHAPES:
        if mark in text:
            text = shape.sub(instead, text)
    return text


def _forms(secret: str) -> Iterable[str]:
    """Yield what of a secret must not be seen: itself, as JSON and as a part of an address, and an address's own parts."""
    if not secret:
        return
    yield secret
    yield quote(secret, safe="")
    yield secret.encode("unicode_escape").decode("ascii")
    if "://" in secret:
        parts = urlsplit(secret)
        pieces = re.split(r"[/?&=#]", f"{parts.path}?{parts.query}")
        yield from (piece for piece in pieces if len(piece) >= _CERTAIN or re.search(r"\d", piece))  # no ordinary words
    elif "\n" in secret:
        yield from (line for line in secret.splitlines() if not line.startswith("-----"))
