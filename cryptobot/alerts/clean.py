"""Texts from anywhere, made fit to be shown to people."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

_CUT: Final = "…"


def clean(text: object, most: int = 1_000, *, one_line: bool = False) -> str:
    r"""Return a text without control characters, and not longer than is wanted.

    Controls, marks that turn the direction of writing, and halves of characters are left out: they can make a text
    look like another.

    Parameters
    ----------
    text
        Anything; what is not a text is written as one.
    most
        The longest it may be, in characters.
    one_line
        Whether line ends become spaces.

    Examples
    --------
    >>> clean("price\x1b[31m up\u202e")
    'price[31m up'
    >>> clean("abcdef", 4)
    'abc…'
    """
    raw = str(text)[: 4 * most + 100]  # nobody reads on, and a huge text is not worth the work
    kept = "".join(character for character in raw if character == "\n" or not _unseen(character))
    kept = " ".join(kept.split()) if one_line else kept.strip()
    return kept if len(kept) <= most else kept[: most - 1] + _CUT


def hide(text: object, secrets: Iterable[str]) -> str:
    """Return a text in which no secret stands.

    Parameters
    ----------
    text
        For example what a server answered.
    secrets
        What must not be seen; empty ones are passed over.

    Examples
    --------
    >>> hide("POST https://hooks.example/T0/abc failed", ["https://hooks.example/T0/abc"])
    'POST ********** failed'
    """
    shown = str(text)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        shown = shown.replace(secret, "*" * 10)
    return shown


def safe(text: object, secrets: Iterable[str], most: int = 300) -> str:
    """Return a text from outside on one line, short, and without secrets, also such as were cut in two by controls."""
    known = list(secrets)
    return hide(clean(hide(text, known), most, one_line=True), known)


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
