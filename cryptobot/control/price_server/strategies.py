"""The catalogue of strategies, with their parameters as JSON schema."""

from __future__ import annotations

import inspect
from typing import Any, Final

from cryptobot.strategy.base import Strategy
from cryptobot.strategy.catalogue import STRATEGIES
from cryptobot.strategy.param import Param
from mcp_server.models.research import StrategyInfo

_TYPES: Final = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
_BOUNDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def catalogue() -> list[StrategyInfo]:
    """Return all registered strategies, those typed into a notebook included."""
    return [StrategyInfo(name=name, text=_text(cls), parameters=schema(cls)) for name, cls in STRATEGIES]


def schema(cls: type[Strategy]) -> dict[str, Any]:
    """Return the JSON schema of a strategy's parameters."""
    properties = {name: _property(param) for name, param in cls.parameters().items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _property(param: Param) -> dict[str, Any]:
    bounds = {word: getattr(param, name) for name, word in _BOUNDS.items() if getattr(param, name) is not None}
    found = {"type": _TYPES[param.kind], "default": param.default, **bounds}
    if param.choices is not None:
        found["enum"] = list(param.choices)
    if param.doc:
        found["description"] = param.doc
    return found


def _text(cls: type[Strategy]) -> str:
    """Return the first paragraph of a strategy's own docstring, on one line."""
    own = inspect.cleandoc(cls.__doc__ or "")
    return " ".join(own.partition("\n\n")[0].split())
