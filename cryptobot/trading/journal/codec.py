"""Contents of records as JSON text and back, exactly: every type is named, so that nothing comes back as another.

An object is ``{"$": "Fill", …}`` with its fields by name. What a field holds is decided by its declared type: Decimals
are texts, times whole numbers, and floats keep NaN and infinity. A value whose type is not declared, such as a
strategy's parameter, carries its own.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from cryptobot.core import events, orders, quotes
from cryptobot.core import types as nouns
from cryptobot.core.errors import JournalError
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.suggest import closest
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import contents

_TAG: Final = "$"
_CLASSES: Final[dict[str, type]] = {
    cls.__name__: cls
    for cls in (
        *(nouns.Balance, nouns.Bar, nouns.Fill, nouns.Intent, nouns.OcoIntent, nouns.Trade),
        *(nouns.Mode, nouns.Side, OrderType, TimeInForce, orders.OrderStatus),
        *(orders.Order, quotes.Quote, Market, Notice),
        *(events.BarClosed, events.OrderFilled, events.OrderRefused, events.OrderChanged, events.ConnectionChanged),
        *(
            contents.BalanceChanged,
            contents.BarSeen,
            contents.BookedFill,
            contents.Cursor,
            contents.JournalHeader,
            contents.Outcome,
        ),
        *(contents.ParametersSet, contents.RiskMark, contents.SessionStarted, contents.StateChange),
        *(contents.Terms, contents.TradingStateChange),
    )
}
_SPECIAL: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

_WRITE: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

_Turn = Callable[[Any], Any]


def encode(content: Any) -> str:
    """Write a content as JSON text: pure ASCII, one form for one value.

    Raises
    ------
    JournalError
        If it holds something that could not be read back as it was.

    Examples
    --------
    >>> encode(contents.Cursor("slack", 7))
    '{"$":"Cursor","name":"slack","number":7}'
    """
    try:
        return _WRITE(_plain(content))
    except (TypeError, ValueError, RecursionError) as error:
        raise JournalError(
            f"journal: {content!r:.200} cannot be written down: {error}. Give it values of the declared types."
        ) from error


def decode(text: str) -> Any:
    """Read what `encode` wrote.

    Raises
    ------
    JournalError
        If the text is nothing that this version wrote: an unknown type, a missing field, a value out of place.
    """
    try:
        return _value(json.loads(text))
    except (TypeError, ValueError, KeyError, ArithmeticError, RecursionError) as error:
        if isinstance(error, JournalError):
            raise
        raise JournalError(
            f"journal: {text:.200} cannot be read: {error}. It was written by another version of cryptobot, or changed "
            "by hand; read it with the version that wrote it."
        ) from error


def _plain(value: Any) -> Any:
    """Turn a value of any known type into JSON's own, with its type."""
    kind: Any = type(value)
    name: str = kind.__name__
    if value is None or kind in (bool, int, str):
        return value
    if isinstance(value, Enum):
        return {_TAG: name, "v": value.value} if _CLASSES.get(name) is kind else value.value
    if _CLASSES.get(name) is kind:
        return {_TAG: name, **{field: turn(getattr(value, field)) for field, turn, _ in _fields(kind)}}
    if isinstance(value, float):  # numpy's float64 is one, too
        return float(value) if math.isfinite(value) else {_TAG: "float", "v": repr(float(value))}
    if isinstance(value, Decimal):
        return {_TAG: "Decimal", "v": str(value)}
    if kind in (list, tuple):
        each = [_plain(one) for one in value]
        return each if kind is list else {_TAG: "tuple", "v": each}
    if isinstance(value, Mapping):
        return {_key(key): _plain(one) for key, one in value.items()}
    if hasattr(value, "__index__"):
        return _whole(value)
    raise TypeError(f"{value!r:.80} is a {name}, and no such type is kept")


def _value(plain: Any) -> Any:
    """Turn JSON's own value back."""
    if isinstance(plain, list):
        return [_value(each) for each in plain]
    if not isinstance(plain, dict):
        return plain
    tag = plain.pop(_TAG, None)
    if tag is None:
        return {key: _value(each) for key, each in plain.items()}
    if tag == "float":
        return _SPECIAL[plain["v"]]
    if tag == "Decimal":
        return Decimal(plain["v"])
    if tag == "tuple":
        return tuple(_value(each) for each in plain["v"])
    cls: Any = _CLASSES.get(tag)
    if cls is None:
        raise JournalError(
            f"journal: a record holds a {tag!r}, which this version of cryptobot does not know."
            f"{closest(str(tag), _CLASSES)} Open the journal with the version that wrote it."
        )
    if issubclass(cls, Enum):
        return cls(plain["v"])
    known = _fields(cls)
    if plain.keys() != {name for name, _, _ in known}:
        raise ValueError(f"a {tag} has the fields {', '.join(plain)}")
    return cls(**{name: back(plain[name]) for name, _, back in known})


@cache
def _fields(cls: Any) -> list[tuple[str, _Turn, _Turn]]:
    """Return each field's name, how it is written, and how it is read back."""
    hints = get_type_hints(cls)
    names = [each.name for each in fields(cls)] if is_dataclass(cls) else list(hints)
    return [(name, *_turns(hints[name])) for name in names]


def _turns(hint: Any) -> tuple[_Turn, _Turn]:
    """Return how a value of a declared type is written and read back."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [each for each in get_args(hint) if each is not type(None)]
        if len(inner) == 1 and len(get_args(hint)) == 2:
            there, back = _turns(inner[0])
            return (lambda v: None if v is None else there(v)), (lambda v: None if v is None else back(v))
        return _plain, _value
    if origin is Literal:
        return _text, _text
    if isinstance(hint, type) and issubclass(hint, Enum):
        return (lambda v: hint(v).value), hint
    return _SIMPLE.get(hint, (_plain, _value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} stands where a text belongs")
    return str(value)


def _key(value: Any) -> str:
    if value == _TAG:
        raise ValueError(f"the name {_TAG!r} is taken")
    return _text(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{value!r:.80} stands where a whole number belongs")
    return int(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.80} stands where true or false belongs")
    return value


def _exact(value: Any) -> str:
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r:.80} stands where a Decimal belongs")
    return str(value)


def _exact_back(value: Any) -> Decimal:
    return Decimal(_text(value))


def _float(value: Any) -> float | str:
    if isinstance(value, bool | str):
        raise TypeError(f"{value!r:.80} stands where a number belongs")
    number = float(value)
    return number if math.isfinite(number) else repr(number)


def _float_back(value: Any) -> float:
    if isinstance(value, str):
        return _SPECIAL[value]
    if isinstance(value, bool):
        raise TypeError(f"{value!r} stands where a number belongs")
    return float(value)


def _texts(values: Any) -> dict[str, str]:
    return {_key(name): _text(value) for name, value in values.items()}


def _floats(values: Any) -> dict[str, float | str]:
    return {_key(name): _float(value) for name, value in values.items()}


def _floats_back(values: Any) -> dict[str, float]:
    return {name: _float_back(value) for name, value in values.items()}


_SIMPLE: Final[dict[Any, tuple[_Turn, _Turn]]] = {
    str: (_text, _text),
    int: (_whole, _whole),
    bool: (_truth, _truth),
    Decimal: (_exact, _exact_back),
    float: (_float, _float_back),
    Mapping[str, float]: (_floats, _floats_back),
    Mapping[str, str]: (_texts, _texts),
}
