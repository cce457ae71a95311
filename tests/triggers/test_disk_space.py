"""disk_space looks at real file systems; what cannot be seen is unknown, never good."""

from pathlib import Path

import psutil

from triggers.disk_space import disk_space


def test_every_disk_says_how_full_it_is():
    seen = disk_space.check()
    assert seen.readings
    for reading in seen.readings:
        assert reading.value is not None
        assert 0 <= reading.value <= 100
        assert Path(reading.labels["mount"]).is_dir()


def test_only_the_folders_asked_for(tmp_path: Path):
    (reading,) = disk_space.check(paths=[str(tmp_path)]).readings
    assert reading.labels["mount"] == str(tmp_path)
    assert reading.details is not None
    assert reading.details["total_bytes"] == psutil.disk_usage(str(tmp_path)).total


def test_a_folder_that_is_gone_is_unknown(tmp_path: Path):
    seen = disk_space.check(paths=[str(tmp_path / "unplugged")])
    assert seen.readings == []
    assert [labels["mount"] for labels in seen.not_seen] == [str(tmp_path / "unplugged")]


def test_ignored_mounts_are_left_out_with_what_lies_below():
    everything = {r.labels["mount"] for r in disk_space.check(ignore=[]).readings}
    assert "/" in everything
    assert disk_space.check(ignore=["/"]).readings == []


def test_small_file_systems_can_be_left_out():
    assert disk_space.check(smallest_gb=1_000_000).readings == []
