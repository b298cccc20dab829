"""The Python in README.md and CONTRIBUTING.md runs as it stands, from top to bottom."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_examples_run(document: str, tmp_path: Path) -> None:
    """In a process of its own: what the examples register is not left behind for other tests."""
    text = (ROOT / document).read_text("utf-8")
    program: list[str] = []
    for block in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
        line = text[: block.start(1)].count("\n")
        # As many empty lines as stand above, so that a traceback names the document's own line.
        program += [""] * (line - len(program)) + block[1].splitlines()
    assert program
    file = tmp_path / f"{Path(document).stem.lower()}_examples.py"
    file.write_text("\n".join(program) + "\n", "utf-8")
    run = subprocess.run([sys.executable, file], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
