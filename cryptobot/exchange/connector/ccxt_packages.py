"""ccxt's packages, loaded as far as they are used.

`import ccxt.pro` loads every one of its hundred exchanges, twice: 75 MB and a second or two, of which a bot needs one
exchange. Here its three packages stand in ``sys.modules`` from the beginning, and load an exchange when it is asked for.
Whoever asks for anything else, such as ``ccxt.exchanges``, gets the package as it is.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

_PACKAGES: Final = ("ccxt", "ccxt.async_support", "ccxt.pro")
# Where the class of all exchanges lies, which the package's own modules import from it.
_BASES: Final = {
    "ccxt": "ccxt.base.exchange",
    "ccxt.async_support": "ccxt.async_support.base.exchange",
    "ccxt.pro": "ccxt.async_support.base.exchange",
}
_LOADING: Final = threading.RLock()


class _Package(ModuleType):
    """One of them, of which nothing is loaded yet."""

    def __setattr__(self, name: str, value: Any) -> None:
        # A package of ccxt shows the class of an exchange where the import system would put the module of its name.
        found = value.__dict__.get(name) if isinstance(value, ModuleType) else None
        super().__setattr__(name, found if isinstance(found, type) else value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__all__", "__version__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        with _LOADING:
            if name == "Exchange":
                return importlib.import_module(_BASES[self.__name__]).Exchange
            error = importlib.import_module("ccxt.base.errors").__dict__.get(name)
            if isinstance(error, type):
                return error
            if not name.startswith("__") and importlib.util.find_spec(f"{self.__name__}.{name}") is not None:
                importlib.import_module(f"{self.__name__}.{name}")
                return self.__dict__[name]
            return getattr(_whole(self), name)


def _whole(package: ModuleType) -> ModuleType:
    """Load a package as it is."""
    spec = package.__spec__
    if isinstance(package, _Package) and spec is not None and spec.loader is not None:
        package.__class__ = ModuleType  # type: ignore[assignment]
        spec.loader.exec_module(package)
    return package


def prepare() -> None:
    """Let ccxt load only what is used; does nothing if somebody has imported it already, or it is not installed."""
    with _LOADING:
        if "ccxt" in sys.modules:
            return
        path = None
        for name in _PACKAGES:
            spec = PathFinder.find_spec(name, path)
            if spec is None:
                return
            package = _made(name, spec)
            if path is None:
                path = spec.submodule_search_locations
            else:
                setattr(sys.modules["ccxt"], name.rpartition(".")[2], package)


def _made(name: str, spec: ModuleSpec) -> ModuleType:
    package = _Package(name)
    package.__spec__, package.__loader__, package.__package__ = spec, spec.loader, name
    package.__path__ = list(spec.submodule_search_locations or [])
    package.__file__ = spec.origin
    sys.modules[name] = package
    return package


def exchange_type(exchange_id: str) -> type | None:
    """Return ccxt's class of an exchange, with streams where it has them, or None if it knows no such exchange."""
    prepare()
    if not exchange_id.isidentifier():
        return None
    for package in ("ccxt.pro", "ccxt.async_support"):
        importlib.import_module(package)
        if importlib.util.find_spec(f"{package}.{exchange_id}") is not None:
            found = importlib.import_module(f"{package}.{exchange_id}").__dict__.get(exchange_id)
            if isinstance(found, type):
                return found
    return None
