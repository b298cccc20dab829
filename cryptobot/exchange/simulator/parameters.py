"""The parameters of a request: declared by each route, read with Binance's own errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

from cryptobot.exchange.simulator.answers import ApiError, illegal, missing

SYMBOL: Final = r"^[A-Z0-9-_.]{1,20}$"
CLIENT_ID: Final = r"^[a-zA-Z0-9-_]{1,36}$"
WHOLE: Final = r"^[0-9]{1,20}$"
DECIMAL: Final = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_SIGNING: Final = ("timestamp", "recvWindow", "signature", "apiKey")
_DIGITS: Final = 8
_MOST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a route.

    Attributes
    ----------
    name
        As the client writes it.
    kind
        ``"text"``, ``"whole"`` (int), ``"decimal"``, ``"yes"`` (true or false), ``"choice"`` or ``"list"`` (of symbols).
    mandatory
        Whether it must be there.
    legal
        For a text: what it must match.
    choices
        For a choice: what it may be.
    wrong
        For a choice: code and text of the error.
    """

    name: str
    kind: str = "text"
    mandatory: bool = False
    legal: str = ""
    choices: tuple[str, ...] = ()
    wrong: tuple[int, str] | None = None

    def read(self, given: str) -> Any:
        """Turn the sender's text into a value.

        Raises
        ------
        ApiError
            If it is not allowed.
        """
        if given == "":
            raise missing(self.name) if self.mandatory else ApiError(-1105, f"Parameter '{self.name}' was empty.")
        return _READERS[self.kind](self, given)


def _read_text(parameter: Parameter, given: str) -> str:
    if parameter.legal and not re.fullmatch(parameter.legal, given):
        raise illegal(parameter.name, parameter.legal)
    return given


def _read_whole(parameter: Parameter, given: str) -> int:
    if not re.fullmatch(WHOLE, given):
        raise illegal(parameter.name, WHOLE)
    number = int(given)
    if number >= _MOST:
        raise ApiError(-1108, f"Parameter '{parameter.name}' overflowed.")
    return number


def _read_decimal(parameter: Parameter, given: str) -> Decimal:
    if not re.fullmatch(DECIMAL, given):
        raise illegal(parameter.name, DECIMAL)
    if len(given.partition(".")[2]) > _DIGITS:
        raise ApiError(-1111, f"Parameter '{parameter.name}' has too much precision.")
    return Decimal(given)


def _read_yes(parameter: Parameter, given: str) -> bool:
    if given.lower() not in ("true", "false"):
        raise illegal(parameter.name, "^(true|false)$")
    return given.lower() == "true"


def _read_choice(parameter: Parameter, given: str) -> str:
    if given not in parameter.choices:
        raise ApiError(*(parameter.wrong or (-1130, f"Data sent for parameter '{parameter.name}' is not valid.")))
    return given


def _read_list(parameter: Parameter, given: str) -> list[str]:
    try:
        names = json.loads(given)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise illegal(parameter.name, r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$')
    if len(set(names)) < len(names):
        raise ApiError(-1151, "Symbol is present multiple times in the list.")
    return names


_READERS: Final = {
    "text": _read_text,
    "whole": _read_whole,
    "decimal": _read_decimal,
    "yes": _read_yes,
    "choice": _read_choice,
    "list": _read_list,
}


def pairs(query: str, body: str) -> dict[str, str]:
    """Read the parameters of a REST request; the query wins over the body.

    Raises
    ------
    ApiError
        If one comes twice in the same place.
    """
    found: dict[str, str] = {}
    for part in (body, query):
        here = parse_qsl(part, keep_blank_values=True)
        if len({name for name, _ in here}) < len(here):
            raise ApiError(-1101, "Duplicate values for a parameter detected.")
        found.update(here)
    return found


def texts(params: Mapping[str, Any]) -> dict[str, str]:
    """Read the parameters of a request to the WebSocket API, whose values may be of any JSON type."""
    return {
        name: json.dumps(value) if isinstance(value, list | dict | bool) else str(value)
        for name, value in params.items()
        if value is not None
    }


def read(declared: Sequence[Parameter], given: Mapping[str, str], *, signed: bool) -> dict[str, Any]:
    """Read the parameters that a route declares.

    Parameters
    ----------
    declared
        All that it knows.
    given
        Texts by name.
    signed
        Whether the parameters of a signature belong to it, too.

    Raises
    ------
    ApiError
        -1102 if one is missing, -1105 if it is empty, -1100 or -1111 if its text is wrong, -1104 if one is unknown.
    """
    values: dict[str, Any] = {}
    for parameter in declared:
        text = given.get(parameter.name)
        if text is None:
            if parameter.mandatory:
                raise missing(parameter.name)
            continue
        values[parameter.name] = parameter.read(text)
    # An empty timestamp was refused before; what else a signed request brings is looked at here.
    known = set(values) | (set(_SIGNING) & set(given) if signed else set())
    if len(known) < len(given):
        raise ApiError(
            -1104, f"Not all sent parameters were read; read '{len(known)}' parameter(s) but was sent '{len(given)}'."
        )
    return values


def one_of(values: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse a request that brings none of these."""
    wanted = tuple(names)
    if not any(name in values for name in wanted):
        raise ApiError(-1102, f"Param '{wanted[0]}' or '{wanted[1]}' must be sent, but both were empty/null!")
