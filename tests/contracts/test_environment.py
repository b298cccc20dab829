"""pyproject.toml, requirements.lock and environment.yml name the same packages in the same versions."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PLATFORMS = {
    "linux": {"sys_platform": "linux", "os_name": "posix", "platform_machine": "x86_64"},
    "darwin": {"sys_platform": "darwin", "os_name": "posix", "platform_machine": "arm64"},
    "win32": {"sys_platform": "win32", "os_name": "nt", "platform_machine": "AMD64"},
}
PYTHONS = ("3.11", "3.12", "3.13")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def wanted() -> dict[str, Requirement]:
    """The direct dependencies of the project, all extras included."""
    extras = project()["optional-dependencies"].values()
    lines = [*project()["dependencies"], *(line for extra in extras for line in extra)]
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


def locked(python: str, platform: str = "linux") -> dict[str, list[Version]]:
    """The versions that the lock gives to one Python on one platform: there must be exactly one of each."""
    markers = {
        **PLATFORMS[platform],
        "python_version": python,
        "python_full_version": f"{python}.9",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    versions: dict[str, list[Version]] = {}
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.removesuffix("\\").strip())
            if requirement.marker is None or requirement.marker.evaluate(markers):
                (pin,) = requirement.specifier
                assert pin.operator == "==", line
                versions.setdefault(canonicalize_name(requirement.name), []).append(Version(pin.version))
    return versions


def conda() -> tuple[dict[str, str], dict[str, Requirement]]:
    """The pins of environment.yml: those of conda, and those under pip."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    plain = [line for line in environment["dependencies"] if isinstance(line, str)]
    (below,) = [line["pip"] for line in environment["dependencies"] if isinstance(line, dict)]
    pins = dict(line.split("=") if "=" in line else (line, "") for line in plain)
    return pins, {canonicalize_name(r.name): r for r in map(Requirement, below)}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_serves_every_python_on_every_platform(python: str, platform: str) -> None:
    versions = locked(python, platform)
    assert {name: v for name, v in versions.items() if len(v) != 1} == {}
    assert wanted().keys() - versions.keys() == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_keeps_what_pyproject_asks_for(python: str) -> None:
    versions = locked(python)
    outside = {
        name: (str(requirement.specifier), str(versions[name][0]))
        for name, requirement in wanted().items()
        if not requirement.specifier.contains(versions[name][0])
    }
    assert outside == {}, "run `make lock`"


def test_every_dependency_has_a_floor() -> None:
    stubs = {"types-pyyaml", "types-tqdm"}  # they follow what they describe; their versions are dates
    without = [name for name, r in wanted().items() if not any(s.operator == ">=" for s in r.specifier)]
    assert set(without) <= stubs


def test_conda_and_pip_give_the_same_versions() -> None:
    pins, below = conda()
    python = pins.pop("python")
    assert pins.pop("pip") == ""
    assert Version(python) in SpecifierSet(project()["requires-python"])
    assert pins.keys() & below.keys() == set()

    given = pins | {name: str(requirement.specifier).removeprefix("==") for name, requirement in below.items()}
    versions = locked(python)
    assert given == {name: str(versions[name][0]) for name in wanted()}


def test_conda_asks_for_the_same_extras() -> None:
    _, below = conda()
    extras = {name: r.extras for name, r in wanted().items() if r.extras}
    assert {name: r.extras for name, r in below.items() if r.extras} == extras


def test_the_pythons_tested_here_are_the_pythons_promised() -> None:
    promised = SpecifierSet(project()["requires-python"])
    assert [minor for minor in range(8, 20) if f"3.{minor}" in promised] == [11, 12, 13]
    classifiers = [c.rsplit(" ", 1)[1] for c in project()["classifiers"] if "Python :: 3." in c]
    assert classifiers == list(PYTHONS)
