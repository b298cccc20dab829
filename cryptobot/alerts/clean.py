"""Texts from anywhere, made fit to be shown to people."""

from __future__ import annotations

from collections.abc import Iterable

from cryptobot.core.text import clean

__all__ = ["clean", "hide", "safe"]


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
