"""Values to try, as they are written on the command line."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

if TYPE_CHECKING:
    from cryptobot.strategy.base import Strategy
    from cryptobot.strategy.param import Param

RangesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        "-r",
        metavar="NAME=VALUES",
        help="Values to try: 10, or 5,10,20, or FROM:BELOW:STEP as in range(5, 50, 5); may be repeated. Every combination "
        "is tried.",
    ),
]
_FORMS: Final = "Write one value (fast=10), several (fast=5,10,20), or FROM:BELOW:STEP (fast=5:50:5)"
_MOST: Final = 1_000_000


def read_ranges(strategy: type[Strategy], given: list[str]) -> dict[str, list[Any]]:
    """Read ``NAME=VALUES`` texts.

    Parameters
    ----------
    strategy
        The class whose parameters they are.
    given
        For example ``["fast=5:50:5", "slow=60,120"]``. Like Python's own, a range ends before its second number.

    Raises
    ------
    ConfigError
        If there are none, or a text, a name or a value is not allowed.
    """
    declared = strategy.parameters()
    if not given:
        example = next((name for name, p in declared.items() if p.kind == "int"), next(iter(declared), "window"))
        raise ConfigError(
            f"--range: no values to try. Give some, for example --range {example}=7:28:7. {strategy.name} has the "
            f"parameters {listed(declared) or 'none'}."
        )
    ranges: dict[str, list[Any]] = {}
    for text in given:
        name, equals, values = (part.strip() for part in text.partition("="))
        if not equals or not values:
            raise ConfigError(f"--range: {text!r} is not NAME=VALUES. {_FORMS}.")
        if name not in declared:
            raise ConfigError(
                f"--range: {strategy.name} has no parameter `{name}`.{closest(name, declared)} Known: {listed(declared)}."
            )
        if name in ranges:
            raise ConfigError(f"--range: `{name}` is given twice. Give all its values at once, separated by commas.")
        ranges[name] = _values(values, declared[name])
    return ranges


def _values(text: str, p: Param) -> list[Any]:
    words = [word.strip() for word in text.split(",")]
    if p.kind == "str":
        return words
    if p.kind == "bool":
        return [_boolean(word, p) for word in words]
    numbers = [number for word in words for number in _span(word, p)]
    return [int(number) if p.kind == "int" and number == int(number) else float(number) for number in numbers]


def _boolean(word: str, p: Param) -> bool:
    if word.lower() not in ("true", "false"):
        raise ConfigError(f"--range: `{p.name}` is {word!r}. Allowed: true, false, or true,false.")
    return word.lower() == "true"


def _span(text: str, p: Param) -> list[Decimal]:
    """Return the numbers of ``a``, ``a:b`` or ``a:b:step``; in decimals, so that 0:0.01:0.001 has ten."""
    numbers = [_number(part, text, p) for part in text.split(":")]
    if len(numbers) > 3:
        raise ConfigError(f"--range: `{p.name}` is {text!r}. {_FORMS}; allowed: {p.allowed()}.")
    if len(numbers) == 1:
        return numbers
    first, below = numbers[:2]
    step = numbers[2] if len(numbers) == 3 else Decimal(1)
    if step <= 0 or first >= below:
        raise ConfigError(
            f"--range: `{p.name}` is {text!r}, which holds no value. FROM is below BELOW, and the step above 0."
        )
    if (below - first) / step > _MOST:
        raise ConfigError(f"--range: `{p.name}` is {text!r}: more than {_MOST:,} values. Take a larger step.")
    many = int((below - first) // step) + 1  # the last may be BELOW itself
    return [number for number in (first + row * step for row in range(many)) if number < below]


def _number(part: str, text: str, p: Param) -> Decimal:
    try:
        number = Decimal(part.strip())
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ConfigError(f"--range: `{p.name}` is {text!r}. {_FORMS}; allowed: {p.allowed()}.")
    return number
