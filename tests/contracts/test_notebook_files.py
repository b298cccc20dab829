"""Notebooks are committed clean: no outputs, no run counts, cell ids that stay, few cells, no machine in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("**/*.ipynb"))
MOST_CELLS = 15

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def test_it_is_valid(path: Path) -> None:
    nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))


def test_it_has_no_outputs(path: Path) -> None:
    cells = [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


def test_it_holds_no_state_of_widgets_or_of_a_machine(path: Path) -> None:
    metadata = load(path)["metadata"]
    assert "widgets" not in metadata
    assert metadata["kernelspec"]["name"] == "python3"
    assert "version" not in metadata.get("language_info", {}), (
        "the Python that saved it last would change with every save"
    )


def test_its_cell_ids_stay(path: Path) -> None:
    """Ids are given by hand: those that an editor draws by chance would change when a cell is moved or made anew."""
    ids = [cell["id"] for cell in load(path)["cells"]]
    assert len(set(ids)) == len(ids)
    assert [i for i in ids if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", i)] == []


def test_it_is_short(path: Path) -> None:
    assert len(load(path)["cells"]) <= MOST_CELLS


def test_it_starts_with_parameters_and_ends_with_a_health_check(path: Path) -> None:
    code = [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]
    assert "parameters" in code[0]["metadata"].get("tags", [])
    assert "assert" in "".join(code[-1]["source"])
