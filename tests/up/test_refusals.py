"""A start that cannot be says so in one sentence, whatever part of it failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sentinel.up import services
from sentinel.up.plan import Options, make_plan
from tests.prefect_server import free_port
from tests.up.test_plan import settings


def test_a_prefect_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    given = f"http://127.0.0.1:{free_port()}/api"
    done = subprocess.run(
        [sys.executable, "-m", "sentinel.cli", "up", "--sqlite", "--no-demo"],
        env={**os.environ, "SENTINEL_HOME": str(tmp_path / "home"), "PREFECT_API_URL": given},
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 5, done.stderr
    assert f"Prefect at {given} (PREFECT_API_URL) does not answer" in done.stderr
    for trace in ("Traceback", "ExceptionGroup"):
        assert trace not in done.stderr


def test_another_users_temporary_folder_is_nothing_to_the_worker(tmp_path: Path) -> None:
    """Prefect makes `runner_storage` in it, which belongs to whoever came first."""
    plan = make_plan(settings(tmp_path), Options(), {})
    plan.home.prepare()
    given = services.worker(plan, {"TMPDIR": "/tmp"}).environment["TMPDIR"]
    assert given == str(plan.home.temporary)
    assert plan.home.temporary.stat().st_mode & 0o777 == 0o700
