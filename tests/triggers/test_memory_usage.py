"""memory_usage measures this machine, or the container that limits it."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from sentinel import Context
from triggers.memory_usage import Memory, limited, memory_usage


def test_the_memory_of_this_machine():
    (reading,) = memory_usage.check(container=False).readings
    assert reading.value is not None
    assert 0 < reading.value <= 100
    assert reading.labels["memory"] == "ram"
    assert reading.details is not None
    assert reading.details["total_bytes"] == psutil.virtual_memory().total


def test_the_largest_processes_are_named():
    (reading,) = memory_usage.check(largest=20).readings
    assert reading.details is not None
    largest: list[str] = reading.details["largest"]
    assert 1 <= len(largest) <= 20
    assert all(line.endswith(" MB") for line in largest)
    (none,) = memory_usage.check(largest=0).readings
    assert none.details is not None
    assert "largest" not in none.details


def test_swap_has_a_reading_of_its_own_or_is_unknown():
    seen = memory_usage.check(swap=True, ctx=Context())
    kinds = [r.labels["memory"] for r in seen.readings] + [u["memory"] for u in seen.not_seen]
    assert kinds == ["ram", "swap"]


def _write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


MB = 1_000_000


def test_a_container_is_measured_against_its_own_limit(tmp_path: Path):
    stat = f"anon {500 * MB}\nfile {200 * MB}\ninactive_file {100 * MB}\n"
    _write(
        tmp_path,
        memory__max=f"{1000 * MB}\n",
        memory__current=f"{700 * MB}\n",
        memory__stat=stat,
    )
    assert limited(tmp_path, 8000 * MB) == Memory(1000 * MB, 400 * MB)


def test_control_groups_of_the_first_version_are_read_too(tmp_path: Path):
    _write(
        tmp_path / "memory",
        memory__limit_in_bytes=f"{1000 * MB}\n",
        memory__usage_in_bytes=f"{700 * MB}\n",
        memory__stat=f"total_inactive_file {100 * MB}\n",
    )
    assert limited(tmp_path, 8000 * MB) == Memory(1000 * MB, 400 * MB)


@pytest.mark.parametrize("most", ["max\n", f"{9000 * MB}\n"])
def test_without_a_limit_the_machine_counts(tmp_path: Path, most: str):
    _write(tmp_path, memory__max=most, memory__current=f"{700 * MB}\n", memory__stat="anon 1\n")
    assert limited(tmp_path, 8000 * MB) is None


def test_no_control_group_at_all_is_no_container(tmp_path: Path):
    assert limited(tmp_path, 8000 * MB) is None
