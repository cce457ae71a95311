"""Triggers are found where they are dropped; what is broken breaks only itself."""

import secrets
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sentinel.checks import catalog
from sentinel.errors import TriggerError

GOOD = """
from sentinel import Reading, trigger


@trigger
def {name}():
    return [Reading(firing=False)]
"""


class Folder:
    """A package of triggers in a temporary folder, imported under a name of its own."""

    def __init__(self, path: Path, package: str) -> None:
        self.package = package
        self._path = path / package
        self._path.mkdir()
        (self._path / "__init__.py").write_text("")

    def drop(self, module: str, text: str) -> Path:
        file = self._path / f"{module}.py"
        file.write_text(text)
        return file

    def load(self) -> catalog.Catalog:
        return catalog.load(self.package)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    package = f"dropped_{secrets.token_hex(8)}"
    yield Folder(tmp_path, package)
    for name in [n for n in sys.modules if n.split(".")[0] == package]:
        del sys.modules[name]


def test_a_file_dropped_in_is_found(folder: Folder):
    folder.drop("ping", GOOD.format(name="ping"))
    assert list(folder.load().triggers) == ["ping"]
    folder.drop("pong", GOOD.format(name="pong"))
    assert list(folder.load().triggers) == ["ping", "pong"]
    assert catalog.find("pong", folder.package).name == "pong"


def test_a_broken_file_breaks_only_itself_and_says_where(folder: Folder):
    folder.drop("ping", GOOD.format(name="ping"))
    raising = folder.drop("raises", "import math\n\nmath.sqrt(-1)\n")
    unreadable = folder.drop("unreadable", "def half(:\n")
    missing = folder.drop("missing", "\n\n\nimport no_such_library\n")
    leaving = folder.drop("leaves", "raise SystemExit(1)\n")
    found = folder.load()
    assert list(found.triggers) == ["ping"]
    said = {Path(b.file).stem: b for b in found.broken}
    assert (said["raises"].file, said["raises"].line) == (str(raising), 3)
    assert "math domain error" in said["raises"].error
    assert (said["unreadable"].file, said["unreadable"].line) == (str(unreadable), 1)
    assert (said["missing"].file, said["missing"].line) == (str(missing), 4)
    assert (said["leaves"].file, said["leaves"].line) == (str(leaving), 1)
    assert "no_such_library" in said["missing"].error


def test_asking_for_one_imports_no_other(folder: Folder):
    folder.drop("ping", GOOD.format(name="ping"))
    folder.drop("bomb", "raise SystemExit('imported without need')")
    assert catalog.find("ping", folder.package).name == "ping"
    assert f"{folder.package}.bomb" not in sys.modules


def test_asking_for_a_broken_one_names_file_and_line(folder: Folder):
    folder.drop("bad", "x = 1\nx.nothing\n")
    with pytest.raises(TriggerError, match=r"trigger 'bad' cannot be loaded.*bad\.py, line 2"):
        catalog.find("bad", folder.package)


def test_asking_for_an_unknown_one_says_what_there_is(folder: Folder):
    folder.drop("ping", GOOD.format(name="ping"))
    with pytest.raises(TriggerError, match=r"no trigger 'pign'\. There are: ping"):
        catalog.find("pign", folder.package)


def test_one_name_twice_is_refused_and_both_places_are_named(folder: Folder):
    folder.drop("ping", GOOD.format(name="ping"))
    folder.drop("other", GOOD.format(name="ping"))
    found = folder.load()
    assert found.triggers == {}
    assert [b.source for b in found.broken] == [f"{folder.package}.other", f"{folder.package}.ping"]
    assert f"also defined in {folder.package}.ping" in found.broken[0].error


def test_importing_a_trigger_of_another_file_is_no_second_definition(folder: Folder):
    folder.drop("ping", GOOD.format(name="ping"))
    folder.drop("again", f"from {folder.package}.ping import ping\n")
    assert list(folder.load().triggers) == ["ping"]


def test_packages_bring_triggers_through_an_entry_point(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    folder.drop("_elsewhere", GOOD.format(name="quake"))
    points = [
        EntryPoint("quake", f"{folder.package}._elsewhere:quake", catalog.GROUP),
        EntryPoint("gone", "no_such_package:gone", catalog.GROUP),
    ]
    monkeypatch.setattr(catalog, "entry_points", lambda group: points)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    found = folder.load()
    assert list(found.triggers) == ["quake"]
    assert catalog.find("quake", folder.package).name == "quake"
    (broken,) = found.broken
    assert broken.source == "entry point gone = no_such_package:gone"


def test_what_ships_loads():
    found = catalog.load()
    assert found.broken == []
    assert {"cpu_usage", "disk_space"} <= set(found.triggers)
