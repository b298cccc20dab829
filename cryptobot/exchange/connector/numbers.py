"""Decimals out of raw answers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from cryptobot.exchange.connector.guard import BadAnswerError


def decimal_in(raw: Mapping[str, Any], name: str) -> Decimal:
    """Return a number of a raw answer exactly as it was written.

    A float is taken as its shortest decimal form, which is what was written if that had at most 15 digits.

    Raises
    ------
    BadAnswerError
        If it is not there or no finite number.
    """
    value = raw.get(name)
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)  # type: ignore[arg-type]
    except (InvalidOperation, TypeError, ValueError):
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise BadAnswerError(f"the answer's `{name}` is {value!r}, no number")
    return number


def optional(raw: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a number of a raw answer, or None if it is missing, empty or 0."""
    return decimal_in(raw, name) or None if raw.get(name) not in (None, "") else None


def text_in(raw: Mapping[str, Any], name: str) -> str:
    """Return a word of a raw answer; raises `BadAnswerError` if it is not there."""
    value = raw.get(name)
    if value is None or isinstance(value, dict | list | bool):
        raise BadAnswerError(f"the answer's `{name}` is {value!r}, no word")
    return str(value)


def nanoseconds(raw: Mapping[str, Any], name: str) -> int:
    """Return a time of a raw answer that counts milliseconds, as nanoseconds since 1970-01-01 UTC."""
    return int(decimal_in(raw, name) * 1_000_000)


def listed_in(raw: Any, name: str) -> list[dict[str, Any]]:
    """Return a list of objects inside a raw answer; raises `BadAnswerError` if there is none."""
    found = raw.get(name) if isinstance(raw, dict) else None
    return objects(found, f"`{name}`")


def objects(found: Any, what: str) -> list[dict[str, Any]]:
    """Return the answer itself if it is a list of objects."""
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise BadAnswerError(f"the answer's {what} is no list of objects but {type(found).__name__}")
    return found


def dictionary(found: Any, what: str) -> dict[str, Any]:
    """Return the answer itself if it is an object."""
    if not isinstance(found, dict):
        raise BadAnswerError(f"{what} is no object but {type(found).__name__}")
    return found
