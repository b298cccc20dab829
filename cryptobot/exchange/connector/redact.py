"""Keys and signed requests, kept out of every text that a person, a log or a notebook may keep."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_HIDDEN: Final = "…"
_NAMES: Final = (
    "signature|apiKey|api_key|api-key|API-Key|API-Sign|X-MBX-APIKEY|Authorization|timestamp|recvWindow|nonce|listenKey"
    "|listenToken|token|jwt|secret|password|otp"
)
# name=value of a query or body, and "name": "value" of JSON or of a dict's repr.
_PAIR: Final = re.compile(rf"(?i)\b({_NAMES})(=|%3D)[^&\s'\"<>,;]+")
_ENTRY: Final = re.compile(rf"(?i)(['\"](?:{_NAMES})['\"]\s*:\s*)(['\"][^'\"]*['\"]|[\w.+/=-]+)")
_SHORTEST: Final = 6


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
        self._secrets = sorted({s for s in secrets if s and len(s) >= _SHORTEST}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        text = _PAIR.sub(rf"\1\2{_HIDDEN}", text)
        return _ENTRY.sub(rf"\1'{_HIDDEN}'", text)

    def scrub(self, error: BaseException) -> None:
        """Take secrets out of an exception and of those that caused it, in place: tracebacks print them all."""
        seen: set[int] = set()
        waiting: list[BaseException | None] = [error]
        while waiting:
            one = waiting.pop()
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            one.args = tuple(self.text(a) if isinstance(a, str) else a for a in one.args)
            for name in ("message", "reason", "url"):
                if isinstance(getattr(one, name, None), str):
                    setattr(one, name, self.text(getattr(one, name)))
            waiting += (one.__cause__, one.__context__)

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"
