"""A start that cannot be says so in one sentence, whatever part of it failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.errors import ConfigurationError
from sentinel.up import services
from sentinel.up.console import StartScreen
from sentinel.up.plan import Options, make_plan
from sentinel.up.start import up
from tests.prefect_server import free_port
from tests.up.test_plan import settings


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"oidc_roles": "admins:admin"}, "SENTINEL_OIDC_ROLES: 'admins:admin' is not VALUE=ROLE"),
        ({"oidc_algorithms": "HS256"}, "SENTINEL_OIDC_ALGORITHMS: HS256 is not allowed"),
        ({"oidc_issuer": "http://id.example.org"}, "cannot give the keys of tokens"),
        ({"oidc_client_id": ""}, "SENTINEL_OIDC_AUDIENCE is not"),
    ],
)
def test_settings_of_an_issuer_that_cannot_be_used_start_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], says: str
) -> None:
    monkeypatch.delattr("sentinel.up.start.make_plan")  # nothing is even planned
    usable = {"oidc_issuer": "https://id.example.org", "oidc_client_id": "dashboard"}
    chosen = settings(tmp_path).model_copy(update=usable | given)
    with pytest.raises(ConfigurationError, match=says):
        up(chosen, Options(), StartScreen())
    assert list(chosen.resolved_home().iterdir()) == []


def test_another_users_temporary_folder_is_nothing_to_the_worker(tmp_path: Path) -> None:
    """Prefect makes `runner_storage` in it, which belongs to whoever came first."""
    plan = make_plan(settings(tmp_path), Options(), {})
    plan.home.prepare()
    given = services.worker(plan, {"TMPDIR": "/tmp"}).environment["TMPDIR"]
    assert given == str(plan.home.temporary)
    assert plan.home.temporary.stat().st_mode & 0o777 == 0o700
