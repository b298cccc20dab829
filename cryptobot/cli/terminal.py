"""Printing for people."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text


def console(*, to_stderr: bool = False) -> Console:
    """Return a console that wraps at the terminal's width, or at 100 columns where there is no terminal."""
    made = Console(stderr=to_stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=to_stderr, highlight=False, width=100)


def complain(message: str) -> None:
    """Print an error as one paragraph on stderr."""
    console(to_stderr=True).print(Text.assemble(("Error: ", "bold red"), message))


def print_json(content: Any) -> None:
    """Print one JSON document on stdout, and nothing else."""
    sys.stdout.write(json.dumps(content, allow_nan=False, default=str) + "\n")
