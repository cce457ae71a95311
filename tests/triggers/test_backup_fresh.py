"""backup_fresh looks at real files: the newest one's age, size and success."""

from __future__ import annotations

import gzip
import os
import tarfile
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel import Context
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.clock import FakeClock
from sentinel.rules.condition import judge
from triggers.backup_fresh import backup_fresh


class Folder:
    """A folder of backups, and a clock by which they are so many hours old."""

    def __init__(self, path: Path, clock: FakeClock) -> None:
        self.path = path
        self.clock = clock

    def add(self, name: str, hours: float, content: bytes = b"x" * 1000) -> Path:
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        return self.age(file, hours)

    def age(self, file: Path, hours: float) -> Path:
        when = (self.clock.now() - timedelta(hours=hours)).timestamp()
        os.utime(file, (when, when))
        return file

    def evaluate(self, **parameters: object) -> Observation:
        ctx = Context(clock=self.clock)
        return backup_fresh.check(ctx=ctx, **({"folders": [str(self.path)]} | parameters))

    def sees(self, **parameters: object) -> Reading:
        (reading,) = self.evaluate(**parameters).readings
        return reading


@pytest.fixture
def folder(tmp_path: Path, clock: FakeClock) -> Folder:
    return Folder(tmp_path, clock)


def test_the_newest_backup_says_its_age(folder: Folder):
    folder.add("monday.sql", 30)
    folder.add("tuesday.sql", 6)
    reading = folder.sees(pattern="*.sql")
    assert reading.value == pytest.approx(6)
    assert reading.firing is None
    assert reading.details is not None
    assert reading.details["newest"].endswith("tuesday.sql")
    assert reading.labels == {"backup": f"{folder.path}/*.sql"}


def test_after_a_day_and_two_hours_the_trigger_calls_it_old():
    when = backup_fresh.when
    assert when is not None
    assert not judge(when, 25.9, firing=False).bad
    assert judge(when, 26.1, firing=False).bad


def test_no_backup_and_no_folder_fire(folder: Folder):
    assert folder.sees().summary == f"there is no backup * in {folder.path}"
    gone = folder.sees(folders=[f"{folder.path}/gone"])
    assert (gone.firing, gone.summary) == (True, f"there is no folder {folder.path}/gone")


def test_one_that_is_being_written_does_not_count_yet(folder: Folder):
    folder.add("now.sql", 0.005)
    seen = folder.evaluate()
    assert seen.readings == []
    assert len(seen.not_seen) == 1
    folder.add("before.sql", 24)
    assert folder.sees().value == pytest.approx(24)


@pytest.mark.parametrize(
    ("size", "parameters", "said"),
    [
        (0, {}, "is empty"),
        (400, {"smallest_mb": 0.001}, "has only 0.0004 MB, less than 0.001 MB"),
        (400, {}, "has only 0.0004 MB, those before had 0.001 MB"),
        (400, {"shrunk_percent": 0}, ""),
        (600, {}, ""),
    ],
)
def test_size(folder: Folder, size: int, parameters: dict[str, object], said: str):
    for day in range(1, 7):
        folder.add(f"{day}.sql", 24 * day)
    folder.add("new.sql", 1, b"x" * size)
    reading = folder.sees(**parameters)
    assert reading.firing is (True if said else None)
    if said:
        assert reading.summary == f"backup new.sql {said}"


def test_success_is_a_marker_beside_it(folder: Folder):
    folder.add("shop.sql", 1)
    missing = folder.sees(marker="{name}.ok")
    assert missing.summary == "backup shop.sql did not succeed: there is no shop.sql.ok"
    folder.add("shop.sql.ok", 1, b"")
    reading = folder.sees(marker="{name}.ok")
    assert reading.firing is None
    assert reading.details is not None
    assert reading.details["newest"].endswith("shop.sql")  # a marker is no backup


def test_success_is_what_the_marker_says(folder: Folder):
    folder.add("shop.sql", 1)
    folder.add("shop.status", 1, b"exit code 1: disk full\n")
    rule = {"marker": "{stem}.status", "marker_says": r"exit code 0\b"}
    failed = folder.sees(**rule)
    assert failed.firing is True
    assert failed.summary is not None
    assert failed.summary.endswith("did not succeed: shop.status says 'exit code 1: disk full'")
    folder.add("shop.status", 1, b"exit code 0\n")
    assert folder.sees(**rule).firing is None


def _gzip(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        file.write(os.urandom(50_000))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dump.sql", os.urandom(50_000))


def _tar(path: Path) -> None:
    content = path.with_name("content")
    content.write_bytes(os.urandom(50_000))
    with tarfile.open(path, "w:gz") as archive:
        archive.add(content)
    content.unlink()


@pytest.mark.parametrize(
    ("name", "make"), [("a.sql.gz", _gzip), ("a.zip", _zip), ("a.tar.gz", _tar)]
)
def test_a_torn_archive_is_found_by_reading_it(folder: Folder, name: str, make: object):
    assert callable(make)
    file = folder.path / name
    make(file)
    folder.age(file, 2)
    assert folder.sees(intact=True).firing is None
    file.write_bytes(file.read_bytes()[:30_000])
    folder.age(file, 1)
    assert folder.sees().firing is None
    torn = folder.sees(intact=True)
    assert torn.firing is True
    assert torn.summary is not None
    assert f"backup {name} is broken: " in torn.summary


def test_a_backup_may_be_a_folder(folder: Folder):
    folder.add("base-1/data", 5)
    folder.add("base-1/log", 4)
    reading = folder.sees(pattern="base-*")
    assert reading.value == pytest.approx(4)
    assert reading.details is not None
    assert reading.details["bytes"] == 2000


def test_every_folder_is_judged_by_itself(folder: Folder, tmp_path: Path):
    folder.add("shop/a.sql", 3)
    (tmp_path / "empty").mkdir()
    seen = folder.evaluate(folders=[str(tmp_path / "shop"), str(tmp_path / "empty")])
    assert [reading.firing for reading in seen.readings] == [None, True]
