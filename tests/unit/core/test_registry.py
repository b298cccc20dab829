"""Parts by name: built in, registered here, or from another package."""

from __future__ import annotations

import importlib
import sys

import pytest

from cryptobot.core.errors import ConfigError
from cryptobot.core.registry import Registry, modules_in, subclass_of

GROUP = "cryptobot.test_parts"


def part(name, module="here"):
    return type(name, (), {"__module__": module})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a maker of installed packages that offer parts through entry points."""
    names = []

    def make(name, entry_points, source):
        (tmp_path / f"{name}.py").write_text(source)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry_points}\n")
        names.append(name)

    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield make
    for name in names:
        sys.modules.pop(name, None)


def test_registered_parts_are_found():
    registry = Registry("part", GROUP)
    one, two = part("One"), part("Two")
    assert registry.register("one")(one) is one
    registry.register("another")(two)
    assert registry.get("one") is one
    assert registry.names() == ["another", "one"]
    assert list(registry) == [("another", two), ("one", one)]
    assert "one" in registry
    assert "none" not in registry


def test_a_cell_may_run_again():
    registry = Registry("part", GROUP)
    registry.register("one")(part("One"))
    newer = part("One")
    registry.register("one")(newer)
    assert registry.get("one") is newer


def test_two_modules_may_not_share_a_name():
    registry = Registry("part", GROUP)
    old = registry.register("one")(part("One", "first"))
    with pytest.raises(
        ConfigError, match="part name `one` is taken by first. Choose another name for the one in second"
    ):
        registry.register("one")(part("One", "second"))
    assert registry.get("one") is old


@pytest.mark.parametrize("name", ["", "My", "my-part", "1st", "a b", None, 5, "ÜBER"])
def test_names_are_lower_case_words(name):
    with pytest.raises(ConfigError, match="part name .* not allowed"):
        Registry("part", GROUP).register(name)


def test_an_unknown_name_is_answered_with_the_closest_and_all():
    registry = Registry("part", GROUP)
    registry.register("moving")(part("A"))
    registry.register("rsi")(part("B"))
    with pytest.raises(
        ConfigError, match=r"part `movin` is unknown\. Did you mean `moving`\? Known: `moving`, `rsi`\."
    ):
        registry.get("movin")


def test_another_package_offers_parts(package):
    package("plugin_one", "gift = plugin_one:Gift", "class Gift: pass\n")
    registry = Registry("part", GROUP)
    assert registry.names() == ["gift"]
    assert registry.get("gift").__module__ == "plugin_one"


def test_a_package_may_also_decorate_what_it_offers(package):
    package("plugin_two", "gift = plugin_two:Gift", "class Gift: pass\n")
    registry = Registry("part", GROUP)
    gift = importlib.import_module("plugin_two").Gift
    registry.register("gift")(gift)
    assert registry.get("gift") is gift


def test_a_package_cannot_take_a_built_in_name(package):
    package("plugin_three", "own = plugin_three:Thief", "class Thief: pass\n")
    registry = Registry("part", GROUP)
    registry.register("own")(part("Own"))
    with pytest.raises(ConfigError, match="part name `own` is taken by here.*plugin_three"):
        registry.names()


def test_what_is_no_part_is_refused_wherever_it_comes_from(package):
    package("plugin_six", "number = plugin_six:NUMBER", "NUMBER = 5\n")
    registry = Registry("part", GROUP, accept=subclass_of(int, "a whole number"))
    with pytest.raises(ConfigError, match="`five`: 5 is no subclass of a whole number. Derive the class from"):
        registry.register("five")(5)
    with pytest.raises(ConfigError, match="`text`: <class 'str'> is no subclass"):
        registry.register("text")(str)
    with pytest.raises(ConfigError, match="`number`: 5 is no subclass"):
        registry.names()


def test_parts_that_want_it_are_told_their_name():
    told, untold = type("Told", (int,), {"name": ""}), type("Untold", (int,), {"name": ""})
    Registry("part", GROUP, accept=subclass_of(int, "int", named=True)).register("first")(told)
    Registry("part", GROUP, accept=subclass_of(int, "int")).register("second")(untold)
    assert (told.name, untold.name) == ("first", "")


def test_every_file_of_a_package_is_built_in(tmp_path, monkeypatch):
    (tmp_path / "parts_of_test").mkdir()
    for name in ("__init__", "one", "two"):
        (tmp_path / "parts_of_test" / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    found = modules_in(importlib.import_module("parts_of_test"))
    assert found() == ["parts_of_test.one", "parts_of_test.two"]
    assert "parts_of_test.one" not in sys.modules


def test_a_broken_package_is_named(package):
    package("plugin_four", "gift = plugin_four:Gift", "raise OSError('no licence')\n")
    registry = Registry("part", GROUP)
    for _ in range(2):  # it does not vanish on the second look
        with pytest.raises(ConfigError, match="part `gift` of plugin_four cannot be loaded .*OSError: no licence"):
            registry.names()


def test_a_missing_attribute_is_named(package):
    package("plugin_five", "gift = plugin_five:Gift", "\n")
    with pytest.raises(ConfigError, match="part `gift` of plugin_five cannot be loaded"):
        Registry("part", GROUP).get("gift")


@pytest.fixture
def built_in(tmp_path, monkeypatch):
    """Return a registry whose built-in module registers a part when it is imported."""
    registry = Registry("part", GROUP, lambda: ["built_in_parts"])
    source = "import sys\nclass Own: pass\nsys.registry_under_test.register('own')(Own)\n"
    (tmp_path / "built_in_parts.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "registry_under_test", registry, raising=False)
    importlib.invalidate_caches()
    yield registry
    sys.modules.pop("built_in_parts", None)


def test_built_in_parts_load_when_first_asked_for(built_in):
    assert "built_in_parts" not in sys.modules
    assert built_in.names() == ["own"]


def test_a_clash_with_a_built_in_part_shows_where_it_is_made(built_in):
    with pytest.raises(ConfigError, match="taken by built_in_parts. Choose another name for the one in here"):
        built_in.register("own")(part("Mine"))
    assert built_in.get("own").__module__ == "built_in_parts"
