"""`sentinel db …` on both databases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import Run
from tests.databases import both_databases
from tests.world import World


@both_databases
def test_a_backup_is_written_here_and_restored_elsewhere(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = run("db", "backup", "--json")
    assert code == 0, err
    made = json.loads(out)
    assert made["rows"]["alert"] == 1
    assert (tmp_path / made["file"]).stat().st_size == made["bytes"]
    monkeypatch.setenv("SENTINEL_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert run("db", "restore", made["file"])[0] == 0
    (alert,) = json.loads(run("alert", "list", "--json")[1])["items"]
    assert alert["rule"] == "disk"


@both_databases
def test_existing_rows_are_deleted_only_when_asked(run: Run, world: World) -> None:
    assert run("db", "backup", "b.gz")[0] == 0
    assert run("db", "backup", "b.gz")[0] == 4
    assert run("db", "backup", "b.gz", "--replace")[0] == 0
    code, _, err = run("db", "restore", "b.gz")
    assert code == 4
    assert "1 in alert" in err
    code, out, _ = run("db", "restore", "b.gz", "--replace")
    assert code == 0
    assert "Restored " in out


@both_databases
def test_a_file_that_is_no_backup_is_wrong_usage(run: Run, world: World, tmp_path: Path) -> None:
    (tmp_path / "b.gz").write_text("nothing")
    code, _, err = run("db", "restore", "b.gz", "--replace")
    assert code == 2
    assert "b.gz cannot be restored" in err


@both_databases
def test_the_status_shows_address_schema_and_rows(run: Run, world: World) -> None:
    code, out, _ = run("db", "status", "--json")
    assert code == 0
    facts = json.loads(out)
    assert (facts["up_to_date"], facts["rows"]["alert"]) == (True, 1)
    assert facts["bytes"] > 10_000
    assert "alert " in run("db", "status")[1]


def test_the_password_of_the_database_is_not_shown(
    run: Run, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.engine import make_url

    monkeypatch.setenv("SENTINEL_DATABASE_URL", postgres_url)
    password = str(make_url(postgres_url).password)
    for arguments in (("db", "status"), ("db", "status", "--json")):
        _, out, err = run(*arguments)
        assert "postgresql" in out
        assert password not in out + err


def test_a_database_that_is_not_migrated_is_exit_code_one(
    run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_DATABASE_URL", database_url)
    code, out, _ = run("db", "status")
    assert code == 1
    assert "none, old" in out
    assert run("db", "backup")[0] == 1
    assert run("db", "migrate")[0] == 0
    assert run("db", "status")[0] == 0


def test_a_new_database_under_home_is_made_and_private(run: Run, tmp_path: Path) -> None:
    assert run("db", "status")[0] == 5
    assert run("db", "migrate")[0] == 0
    assert run("db", "status")[0] == 0
    assert (tmp_path / "home" / "sentinel.db").stat().st_mode & 0o077 == 0
