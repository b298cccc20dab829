"""Strategies from outside: by their registered name, out of a file, or by value from a notebook's cell."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from cryptobot.control.folders import read_private
from cryptobot.core.errors import ConfigError, CryptobotError
from cryptobot.core.secrecy import scrub
from cryptobot.core.suggest import closest, listed
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.catalogue import STRATEGIES

_MODULE: Final = "cryptobot_strategy_file_"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a strategy's code came from.

    Attributes
    ----------
    strategy
        The strategy.
    file
        Of its code, or None for one that was typed into a cell.
    sha256
        Of that file as it was loaded, or None.
    """

    strategy: Strategy
    file: str | None
    sha256: str | None


def load_strategy(name: str, params: Mapping[str, Any], by_value: str | None = None) -> Source:
    """Return the strategy that a configuration names.

    Parameters
    ----------
    name
        Registered, or ``"file.py:Class"``.
    params
        Its parameters.
    by_value
        The file that `pack` filled, instead of a name.

    Raises
    ------
    ConfigError
        If there is no such strategy, its file cannot be run, or a parameter is not allowed.
    """
    if by_value is not None:
        return Source(unpacked(_private(Path(by_value))).replace(**params), None, None)
    path, colon, chosen = name.rpartition(":")
    if not colon:
        if name.endswith(".py"):
            raise ConfigError(f"strategy: {name!r} is a file. Name the class in it, too: '{name}:MyStrategy'.")
        cls = STRATEGIES.get(name)
        file = inspect.getsourcefile(cls)
        digest = None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()
        return Source(cls(**params), file, digest)
    file_path = Path(path).expanduser().absolute()
    module, digest = _run(file_path)
    return Source(_class_of(module, chosen, file_path)(**params), str(file_path), digest)


def pack(strategy: Strategy) -> bytes:
    """Return a strategy by value, with the folders that its own imports are found in."""
    return _dumped({"path": sys.path, "strategy": _dumped(strategy)})


def unpacked(content: bytes) -> Strategy:
    """Return what `pack` packed.

    Raises
    ------
    ConfigError
        If it cannot be made here, for example because of a module that is missing.
    """
    try:
        outer = pickle.loads(content)  # noqa: S301 - from this user's own notebook or bot, over a file or port of theirs
        sys.path += [folder for folder in outer["path"] if folder not in sys.path]
        strategy = pickle.loads(outer["strategy"])  # noqa: S301 - as above
    except Exception as error:
        scrub(error)  # it may quote the environment
        raise ConfigError(
            f"strategy: it cannot be made in this process: {type(error).__name__}: {error}. Save it in a file and name that: "
            "strategy = {'name': 'my_strategy.py:MyStrategy'}."
        ) from error
    if not isinstance(strategy, Strategy):
        raise ConfigError(f"strategy: {strategy!r} is not a strategy. Allowed: an instance of cb.Strategy.")
    return strategy


def _dumped(value: Any) -> bytes:
    import cloudpickle  # type: ignore[import-untyped]

    for name, module in list(sys.modules.items()):
        if name.startswith(_MODULE):  # nobody else could import it
            cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(value))
    except Exception as error:
        scrub(error)  # it may quote the environment
        raise ConfigError(
            f"strategy: it cannot be sent to another process: {type(error).__name__}: {error}. Let it use plain values only, "
            "or save it in a file and name that: strategy = {'name': 'my_strategy.py:MyStrategy'}."
        ) from error


def _private(path: Path) -> bytes:
    content = read_private(path)
    if content is None:
        raise ConfigError(
            f"strategy: {path} is not there, or others could have written it. Launch the bot from its notebook again."
        )
    return content


class _Loader(SourceFileLoader):
    """Runs the very bytes that were read and hashed, whatever becomes of the file meanwhile."""

    def __init__(self, name: str, path: str, content: bytes) -> None:
        super().__init__(name, path)
        self._content = content

    def get_data(self, path: Any) -> bytes:
        return self._content

    def path_stats(self, path: Any) -> Mapping[str, Any]:
        raise OSError("no byte code from an earlier run")


def _run(path: Path) -> tuple[ModuleType, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"strategy: {path} cannot be read: {error.strerror}. Name a file and a class in it: 'my_strategy.py:MyStrategy'."
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    name = f"{_MODULE}{path.stem}_{digest[:12]}"
    if name in sys.modules:
        return sys.modules[name], digest
    loader = _Loader(name, str(path), content)
    module = importlib.util.module_from_spec(ModuleSpec(name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = module  # first, because decorators look their module up
    try:
        loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, CryptobotError):
            raise
        scrub(error)  # it may quote the environment
        raise ConfigError(
            f"strategy: {path} cannot be run: {type(error).__name__}: {error}. Mend the file; it is run with "
            f"{sys.executable}."
        ) from error
    return module, digest


def _class_of(module: ModuleType, name: str, path: Path) -> type[Strategy]:
    found = getattr(module, name, None)
    if isinstance(found, type) and issubclass(found, Strategy):
        return found
    known = [
        key
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    ]
    if isinstance(found, type):
        raise ConfigError(f"strategy: `{name}` in {path} is not a strategy. Derive the class from cb.Strategy.")
    have = f"It has: {listed(known)}." if known else "It has none; derive a class of it from cb.Strategy."
    raise ConfigError(f"strategy: {path} has no strategy `{name}`.{closest(name, known)} {have}")
