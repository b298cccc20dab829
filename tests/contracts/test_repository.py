"""The house rules that a reader can count: top level, lock, file sizes, and that the documents name what exists."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = (
    ".ci/run",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "cryptobot",
    "environment.yml",
    "mcp_server",
    "notebooks",
    "pyproject.toml",
    "requirements.lock",
    "tests",
)
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")
SOURCES = sorted(path for room in ("cryptobot", "mcp_server", "benchmarks") for path in (ROOT / room).rglob("*.py"))


def code_of(document: str) -> str:
    """Everything that a document sets in code: blocks and words in backquotes."""
    text = (ROOT / document).read_text("utf-8")
    return "\n".join([*re.findall(r"```.*?\n(.*?)```", text, re.DOTALL), *re.findall(r"`([^`\n]+)`", text)])


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_the_top_level_is_complete(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_lock_has_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links|-e)\b", text, re.MULTILINE)
    requirements = re.split(r"\n(?=\w)", text)
    assert len(requirements) > 100
    assert [r.splitlines()[0] for r in requirements if "--hash=sha256:" not in r] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_long_file_says_why(path: Path) -> None:
    source = path.read_text("utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert docstring, "every file says what it is for"
    lines = source.count("\n")
    assert lines <= 400 or "Long because" in docstring, f"{lines} lines: split it, or say why: 'Long because ...'"


def test_files_are_short() -> None:
    lengths = [path.read_text("utf-8").count("\n") for path in SOURCES if path.name != "__init__.py"]
    assert statistics.median(lengths) <= 150


def test_make_test_runs_every_folder_of_tests() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    named = [ROOT / path for path in options["testpaths"]]
    assert {folder for folder in folders if not any(folder.is_relative_to(path) for path in named)} == set()
    assert options["testpaths"][-1] == "tests/browser"


def test_the_documents_name_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {"help", "setup", "lab", "demo", "test", "check", "bench", "campaign", "lock", "clean"} <= targets
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:^|[\s;&])make ([a-z]+)", code_of(document), re.MULTILINE))
        assert named <= targets, document


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) - {"help"}
    assert set(re.findall(r'@echo "make ([a-z]+) ', makefile)) == targets


def named_commands() -> list[str]:
    return sorted(
        {
            word
            for d in DOCUMENTS
            for word in re.findall(r"^(?:\S*[/\\])?cryptobot ([a-z]+(?:-[a-z]+)*)", code_of(d), re.MULTILINE)
        }
    )


@pytest.mark.parametrize("command", named_commands())
def test_the_documents_name_commands_that_exist(command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from cryptobot.cli import main; main()", command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_documents_link_to_files_that_exist(document: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []
