"""Declared parameters with bounds, and the immutable objects that carry them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed
from cryptobot.strategy.conditions import Recorded

_KINDS: Final = {bool: "bool", int: "int", float: "float", str: "str"}


class Param:
    """One declared parameter.

    Attributes
    ----------
    name
        The attribute it was assigned to.
    default
        Its type decides what is accepted: int, float, bool or str.
    ge, gt, le, lt
        Bounds, or None.
    choices
        The allowed values, or None.
    doc
        One line for people.
    """

    def __init__(
        self,
        default: Any,
        *,
        ge: float | None = None,
        gt: float | None = None,
        le: float | None = None,
        lt: float | None = None,
        choices: Sequence[Any] | None = None,
        doc: str = "",
    ) -> None:
        if type(default) not in _KINDS:
            raise ConfigError(f"param: default {default!r} is not allowed. Give an int, float, bool or str.")
        self.name = ""
        self.default = default
        self._type = type(default)
        #: ``"int"``, ``"float"``, ``"bool"`` or ``"str"``.
        self.kind = _KINDS[type(default)]
        self.ge, self.gt, self.le, self.lt = ge, gt, le, lt
        self.choices = None if choices is None else tuple(choices)
        self.doc = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Parametrised | None, owner: type) -> Any:
        return self if instance is None else instance._values[self.name]  # noqa: SLF001 - two halves of one thing

    def __set__(self, instance: Parametrised, value: Any) -> None:
        raise ConfigError(
            f"{type(instance).__name__}.{self.name} cannot be assigned. "
            f"Make a changed copy: replace({self.name}={value!r})."
        )

    def allowed(self) -> str:
        """Say in words what is accepted, for example ``"a whole number of at least 2"``."""
        if self.choices is not None:
            return f"one of {listed(map(str, self.choices))}"
        words = {"int": "a whole number", "float": "a finite number", "bool": "True or False", "str": "a text"}
        limits = [
            f"{word} {bound:g}"
            for word, bound in (
                ("of at least", self.ge),
                ("above", self.gt),
                ("of at most" if self.ge is None and self.gt is None else "and at most", self.le),
                ("below" if self.ge is None and self.gt is None else "and below", self.lt),
            )
            if bound is not None
        ]
        return " ".join([words[self.kind], *limits])

    def check(self, value: Any, owner: str) -> Any:
        """Return the value as this parameter's own type.

        Raises
        ------
        ConfigError
            If it has the wrong type or breaks a bound.
        """
        # Nearly every value has the type already, and a sweep checks thousands.
        if type(value) is self._type and (self._type is not float or math.isfinite(value)):
            converted = value
        elif isinstance(value, Recorded):  # a sweep reads which parameters make which features
            return value
        else:
            converted = self._convert(value)
        if converted is None or not self._within(converted):
            raise ConfigError(f"{owner}: `{self.name}` is {value!r}. Allowed: {self.allowed()}.")
        return converted

    def _convert(self, value: Any) -> Any:
        boolean = isinstance(value, bool) or type(value).__name__ == "bool"  # numpy's own bool is called that, too
        if self.kind == "bool":
            return bool(value) if boolean else None
        if self.kind == "str":
            return value if isinstance(value, str) else None
        if boolean or not isinstance(value, int | float | np.integer | np.floating):
            return None
        if self.kind == "int" and isinstance(value, int | np.integer):
            return int(value)
        try:
            finite = math.isfinite(value)
        except OverflowError:  # a whole number beyond every float
            return None
        if not finite:
            return None
        if self.kind == "float":
            return float(value)
        return int(value) if value == int(value) else None

    def _within(self, value: Any) -> bool:
        if self.choices is not None:
            return value in self.choices
        return not (
            (self.ge is not None and value < self.ge)
            or (self.gt is not None and value <= self.gt)
            or (self.le is not None and value > self.le)
            or (self.lt is not None and value >= self.lt)
        )


def param(
    default: Any,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Sequence[Any] | None = None,
    doc: str = "",
) -> Any:
    """Declare a parameter of a strategy or indicator.

    Parameters
    ----------
    default
        Value when none is given; its type (int, float, bool or str) is the parameter's type.
    ge, gt, le, lt
        Bounds: at least, above, at most, below.
    choices
        The only values allowed.
    doc
        One line for people: shown in the control panel.

    Examples
    --------
    >>> class Example(Parametrised):
    ...     window = param(20, ge=1)
    >>> Example(window=5)
    Example(window=5)
    """
    return Param(default, ge=ge, gt=gt, le=le, lt=lt, choices=choices, doc=doc)


class Parametrised:
    """An immutable object made of declared parameters."""

    _declared: ClassVar[dict[str, Param]] = {}
    _values: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Param)}
        inherited = {
            name: p for base in reversed(cls.__mro__[1:]) for name, p in getattr(base, "_declared", {}).items()
        }
        cls._declared = {**inherited, **own}
        for name, p in own.items():
            p.check(p.default, cls.__name__)
            if any(name in vars(base) for base in cls.__mro__[1:]) and name not in inherited:
                raise ConfigError(f"{cls.__name__}: a parameter cannot be called `{name}`, which means something else.")
        for name in inherited:
            if name in vars(cls) and name not in own:
                raise ConfigError(
                    f"{cls.__name__}.{name} hides the parameter `{name}`. To give it another default write "
                    f"{name} = cb.param({vars(cls)[name]!r})."
                )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        given = kwargs if not args and kwargs.keys() <= cls._declared.keys() else cls._named(args, kwargs)
        values = {name: p.check(given.get(name, p.default), cls.__name__) for name, p in cls._declared.items()}
        object.__setattr__(self, "_values", values)
        self.validate()

    @classmethod
    def _named(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the given values by name, or raise ConfigError where they do not fit what is declared."""
        names = list(cls._declared)
        if len(args) > len(names):
            raise ConfigError(f"{cls.__name__} takes at most {len(names)} values ({listed(names)}), got {len(args)}.")
        given = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in cls._declared:
                known = f"Known: {listed(names)}." if names else "It has no parameters."
                raise ConfigError(f"{cls.__name__} has no parameter `{name}`.{closest(name, names)} {known}")
            if name in given:
                raise ConfigError(f"{cls.__name__}: `{name}` is given twice. Give it once.")
            given[name] = value
        return given

    def validate(self) -> None:
        """Check what concerns several parameters at once; override and raise ConfigError."""

    @classmethod
    def parameters(cls) -> dict[str, Param]:
        """Return the declared parameters by name, in order."""
        return dict(cls._declared)

    @property
    def params(self) -> dict[str, Any]:
        """The values by name."""
        return dict(self._values)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some parameters changed."""
        return type(self)(**{**self._values, **changes})

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(getattr(type(self), name, None), Param):
            object.__setattr__(self, name, value)  # the descriptor refuses with its own words
        raise ConfigError(
            f"{type(self).__name__}.{name} cannot be assigned: these objects never change, so that what was tested "
            "is what trades. Declare a parameter (cb.param) or a feature instead."
        )

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def _key(self) -> tuple[Any, ...]:
        return tuple(self._values.items())

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"{type(self).__name__}({inside})"
