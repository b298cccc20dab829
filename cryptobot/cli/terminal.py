"""Printing for people."""

from __future__ import annotations

import inspect
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


def prose(docstring: str) -> str:
    """Return a command's description with each paragraph on one line, so that help pages wrap at any terminal's width.

    A paragraph that begins with click's own mark for text that is not to be wrapped keeps its lines.
    """
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(
        paragraph.removeprefix("\b\n") if paragraph.startswith("\b") else " ".join(paragraph.split())
        for paragraph in paragraphs
    )
