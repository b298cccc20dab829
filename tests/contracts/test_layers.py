"""Imports go downwards only, and no room goes round the rule by importing the public name `cryptobot`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
# The faces on top may say `import cryptobot as cb`, as any user does.
MAY_IMPORT_THE_PUBLIC_API = ("cryptobot.cli", "cryptobot.__main__")


def test_every_room_imports_only_the_rooms_below_it() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_room_imports_the_public_api() -> None:
    graph = grimp.build_graph("cryptobot", cache_dir=None)
    importers = graph.find_modules_that_directly_import("cryptobot")
    assert {name for name in importers if not name.startswith(MAY_IMPORT_THE_PUBLIC_API)} == set()
