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
        "--param",
        "-p",
        metavar="NAME=VALUES",
        help="Values to try: 10, or 5,10,20, or 5:50:5 (from, to and step); may be repeated.",
    ),
]
_FORMS: Final = "Write one value (fast=10), several (fast=5,10,20), or from, to and step (fast=5:50:5)"
_MOST: Final = 1_000_000


def read_ranges(strategy: type[Strategy], given: list[str] | None) -> dict[str, list[Any]]:
    """Read ``NAME=VALUES`` texts.

    Parameters
    ----------
    strategy
        The class whose parameters they are.
    given
        For example ``["fast=5:50:5", "slow=60,120"]``. The end of a range is tried, too, when a step meets it.

    Raises
    ------
    ConfigError
        If a text, a name or a value is not allowed.
    """
    declared = strategy.parameters()
    ranges: dict[str, list[Any]] = {}
    for text in given or []:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals:
            raise ConfigError(f"--param: {text!r} is not NAME=VALUES. {_FORMS}.")
        if name not in declared:
            raise ConfigError(
                f"--param: {strategy.__name__} has no parameter `{name}`.{closest(name, declared)} "
                f"Known: {listed(declared)}."
            )
        if name in ranges:
            raise ConfigError(f"--param: `{name}` is given twice. Give it once, with all its values.")
        ranges[name] = _values(values, declared[name])
    return ranges


def _values(text: str, p: Param) -> list[Any]:
    if p.kind in ("bool", "str"):
        words = [word.strip() for word in text.split(",")]
        return [_boolean(word, p) if p.kind == "bool" else word for word in words]
    numbers = [number for part in text.split(",") for number in _span(part.strip(), p)]
    return [int(number) if p.kind == "int" and number == int(number) else float(number) for number in numbers]


def _boolean(word: str, p: Param) -> bool:
    if word.lower() not in ("true", "false"):
        raise ConfigError(f"--param: `{p.name}` is {word!r}. Allowed: true, false, or true,false.")
    return word.lower() == "true"


def _span(text: str, p: Param) -> list[Decimal]:
    """Return the numbers of ``a``, ``a:b`` or ``a:b:step``; in decimals, so that 0.1:0.3:0.1 ends at 0.3."""
    try:
        numbers = [Decimal(part) for part in text.split(":")]
    except InvalidOperation:
        raise ConfigError(f"--param: `{p.name}` is {text!r}. {_FORMS}; allowed: {p.allowed()}.") from None
    if not all(number.is_finite() for number in numbers) or len(numbers) > 3:
        raise ConfigError(f"--param: `{p.name}` is {text!r}. {_FORMS}; allowed: {p.allowed()}.")
    if len(numbers) == 1:
        return numbers
    first, last = numbers[:2]
    step = numbers[2] if len(numbers) == 3 else Decimal(1)
    if step <= 0 or last < first:
        raise ConfigError(
            f"--param: `{p.name}` is {text!r}, which holds no value. The second number is at least the first, and the "
            "step is above 0."
        )
    many = int((last - first) / step) + 1
    if many > _MOST:
        raise ConfigError(f"--param: `{p.name}` is {text!r}: {many:,} values. At most {_MOST:,}; take a larger step.")
    return [first + row * step for row in range(many)]
