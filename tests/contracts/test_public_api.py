"""`import cryptobot as cb`: cheap, complete and documented."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import cryptobot as cb

SOURCE = Path(cb.__file__)
HEAVY = (
    "pandas",
    "numpy",
    "numba",
    "vectorbt",
    "ccxt",
    "aiohttp",
    "bqplot",
    "ipywidgets",
    "plotly",
    "pydantic",
    "rich",
)


def test_importing_it_loads_nothing_heavy() -> None:
    probe = "import sys, json, cryptobot; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert set(json.loads(run.stdout)) & set(HEAVY) == set()


def test_dir_lists_what_is_public() -> None:
    assert dir(cb) == sorted(cb.__all__)
    assert len(set(cb.__all__)) == len(cb.__all__)


@pytest.mark.parametrize("name", cb.__all__)
def test_each_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(cb, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert value.__doc__
        assert value.__doc__.strip()
        assert value.__module__.startswith(("cryptobot.", "mcp_server."))
    if inspect.isclass(value):
        own = {
            n: m
            for n, m in vars(value).items()
            if not n.startswith("_") and (inspect.isroutine(m) or isinstance(m, property))
        }
        assert [n for n, m in own.items() if not inspect.getdoc(m)] == []


def test_type_checkers_see_what_the_interpreter_sees() -> None:
    """The names imported for type checkers are the names loaded on first use, from the same modules."""
    (block,) = [node for node in ast.parse(SOURCE.read_text("utf-8")).body if isinstance(node, ast.If)]
    seen = {
        alias.asname or alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(cb.__all__) - {"__version__"} == seen.keys()
    assert seen == cb._HOME_OF


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(AttributeError, match="practice_bars"):
        _ = cb.practise_bars
