"""One instance per home, found by others, cleaned up after by the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sentinel.errors import ConfigurationError
from sentinel.up.home import Home
from sentinel.up.instance import AlreadyRunning, Instance, ProcessIdentity, read, running, stop


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def test_a_second_instance_is_told_where_the_first_one_is(home: Home) -> None:
    with Instance(home) as first:
        first.write(places={"Dashboard": "http://127.0.0.1:8501", "Logs": "/logs"})
        with pytest.raises(AlreadyRunning) as refused, Instance(home):
            pass
    said = str(refused.value)
    assert f"pid {first.record.pid}" in said
    assert "Dashboard http://127.0.0.1:8501" in said
    assert "sentinel down" in said


def test_an_instance_that_ended_leaves_nothing_behind(home: Home) -> None:
    with Instance(home):
        assert running(home) is not None
    assert running(home) is None
    assert read(home) is None
    assert stop(home) is False


def test_a_lock_file_left_by_a_crash_does_not_keep_the_next_one_out(home: Home) -> None:
    home.lock.write_text("999999\n")
    with Instance(home):
        assert running(home) is not None


def test_what_a_crash_left_running_is_ended_by_the_next_start(home: Home) -> None:
    left = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        began = psutil.Process(left.pid).create_time()
        with Instance(home) as crashed:
            crashed.write(children=[ProcessIdentity("worker", left.pid, began)])
            record = home.record.read_bytes()
        home.record.write_bytes(record)

        with Instance(home):
            assert not psutil.pid_exists(left.pid)
    finally:
        left.kill()
        left.communicate()


def test_a_process_that_only_has_the_same_number_is_left_alone(home: Home) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        began = psutil.Process(other.pid).create_time()
        assert ProcessIdentity("worker", other.pid, began - 100).process() is None
    finally:
        other.kill()
        other.communicate()


def test_secrets_are_made_once_and_for_this_user_only(home: Home) -> None:
    first = home.secret("api-token")
    assert len(first) > 30
    assert home.secret("api-token") == first
    assert (home.root / "api-token").stat().st_mode & 0o777 == 0o600


def test_the_record_with_its_password_is_for_this_user_only(home: Home) -> None:
    with Instance(home):
        assert home.record.stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="SENTINEL_HOME"):
        Home(tmp_path / "file" / "home").prepare()
