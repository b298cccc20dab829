"""Parts found by name: built in, registered by a decorator, or offered by another package's entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Generic, TypeVar

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

T = TypeVar("T")


class Registry(Generic[T]):
    """Named parts of one kind.

    Parameters
    ----------
    kind
        What a part is called in messages, for example ``"strategy"``.
    group
        Entry-point group in which other packages offer parts.
    built_in
        Modules to import so that the library's own parts register themselves.
    accept
        Called with the name and the part before it is taken, wherever it comes from; it raises if it is not one.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        built_in: Callable[[], list[str]] = list,
        accept: Callable[[str, T], None] | None = None,
    ) -> None:
        self._kind = kind
        self._group = group
        self._built_in = built_in
        self._accept = accept
        self._parts: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers a part under a name.

        The same place may register a name again, so that a notebook's cell can be re-run; two different modules
        may not share a name.

        Raises
        ------
        ConfigError
            If the name is not a lower-case identifier, or belongs to a part of another module.
        """
        if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
            raise ConfigError(
                f"{self._kind} name {name!r} is not allowed. Use lower-case letters, digits and underscores, "
                "for example 'my_strategy'."
            )

        def decorate(part: T) -> T:
            if _module(part) not in self._built_in():
                self._load_built_in()  # or a clash would show later, inside the library's own module
            old = self._parts.get(name)
            if old is not None and _module(old) != _module(part):
                raise ConfigError(
                    f"{self._kind} name `{name}` is taken by {_module(old)}. Choose another name for the one in "
                    f"{_module(part)}."
                )
            if self._accept is not None:
                self._accept(name, part)
            self._parts[name] = part
            return part

        return decorate

    def get(self, name: str) -> T:
        """Return the part of this name.

        Raises
        ------
        ConfigError
            If there is none; the message names the closest and all valid names.
        """
        self._load()
        if name not in self._parts:
            raise ConfigError(
                f"{self._kind} `{name}` is unknown.{closest(name, self._parts)} Known: {listed(sorted(self._parts))}."
            )
        return self._parts[name]

    def names(self) -> list[str]:
        """Return all names, sorted."""
        self._load()
        return sorted(self._parts)

    def __iter__(self) -> Iterator[tuple[str, T]]:
        self._load()
        return iter(sorted(self._parts.items()))

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._parts

    def _load_built_in(self) -> None:
        for module in self._built_in():
            import_module(module)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # first, because the modules below ask the registry themselves
        self._load_built_in()
        for entry in metadata.entry_points(group=self._group):
            try:
                part = entry.load()
            except Exception as error:
                self._loaded = False
                package = entry.dist.name if entry.dist else "a package"
                raise ConfigError(
                    f"{self._kind} `{entry.name}` of {package} cannot be loaded from {entry.value}: "
                    f"{type(error).__name__}: {error}. Mend or uninstall {package}."
                ) from error
            if self._parts.get(entry.name) is not part:
                self.register(entry.name)(part)


def modules_in(package: ModuleType) -> Callable[[], list[str]]:
    """Say that every module of a package is built in: a new part is a new file."""
    return lambda: [found.name for found in iter_modules(package.__path__, f"{package.__name__}.")]


def subclass_of(base: type, public: str, *, named: bool = False) -> Callable[[str, Any], None]:
    """Take the classes that are derived from a base.

    Parameters
    ----------
    base
        The class that all parts have in common.
    public
        What users call it, for example ``"cb.Strategy"``.
    named
        Whether a part is told its name, as its attribute ``name``.
    """

    def accept(name: str, part: Any) -> None:
        if not (isinstance(part, type) and issubclass(part, base)):
            raise ConfigError(f"`{name}`: {part!r} is no subclass of {public}. Derive the class from {public}.")
        if named:
            setattr(part, "name", name)  # noqa: B010 - only those bases have it that ask for it

    return accept


def _module(part: object) -> str:
    return str(getattr(part, "__module__", "?"))
