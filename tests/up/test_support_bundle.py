"""What leaves this machine for support has no secret, wherever one was planted."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from sentinel.clock import FakeClock
from sentinel.errors import Conflict
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.component_reports import report
from sentinel.up.check import Check
from sentinel.up.home import Home
from sentinel.up.redacting import GONE, Redactor
from sentinel.up.support_bundle import write_bundle
from tests.databases import sqlite_copy

LOG = """\
12:00 INFO relay started
12:01 INFO httpx HTTP Request: POST https://hooks.slack.com/services/T0/B0/planted-slack "200"
12:02 ERROR could not connect to postgresql://sentinel:planted-database@db/sentinel
12:03 DEBUG headers {'Authorization': 'Bearer planted-bearer-1', 'Cookie': 'session=planted-cookie'}
12:04 WARNING https://example.org/x?sig=planted-signature&a=planted-query refused
12:05 INFO password=planted-password api_key: "planted api key" routing-key=planted-routing
12:06 INFO key snt_abcdefgh_plantedplantedplantedplantedplantedplanted12 used
12:07 INFO mail to planted.person@example.org; token eyJplanted.eyJplanted.planted-jwt
-----BEGIN PRIVATE KEY-----
planted-pem
-----END PRIVATE KEY-----
12:08 INFO echo planted-home-file and cGxhbnRlZC1ob21lLWZpbGU in base64, planted-setting%21
12:09 INFO GET /a/planted-acknowledge-link and /ping/backup/planted-ping-key answered
"""


@pytest.fixture
def bundle(migrated_sqlite: Path, tmp_path: Path, clock: FakeClock) -> dict[str, str]:
    """The files of a bundle of an instance with secrets everywhere."""
    url = sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db")
    home = Home(tmp_path / "home")
    home.prepare()
    (home.root / "api-token").write_text("planted-home-file\n")
    (home.root / "rollout.yaml").write_text("name: relay # started by sentinel, was refused\n")
    home.log("relay").write_text(LOG)
    store = Store(url, clock=clock)
    store.log.write("error", "x", "refused: password=planted-in-log", {"api_token": "planted-det"})
    report(store, "relay", "wrong", "https://u:planted-report@host failed")
    store.close()
    chosen = Settings(
        database_url=url, home=home.root, api_token=SecretStr("planted-setting!"),
        dead_man_url=SecretStr("https://hc-ping.com/planted-dead-man-uuid"),
    )  # fmt: skip
    environ = {
        "SENTINEL_TOKEN": "planted-env", "PREFECT_API_AUTH_STRING": "admin:planted-prefect",
        "PREFECT_API_URL": "http://u:planted-env-url@host:4200/api", "SENTINEL_USER": "ada",
        "SENTINEL_URL": "http://sentinel.example:8400",
    }  # fmt: skip
    file = tmp_path / "support.zip"

    def doctor(*_: Any) -> list[Check]:
        return [Check(name="prefect", state="wrong", says="planted-prefect was refused")]

    write_bundle(chosen, home, file, doctor=doctor, environ=environ)
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(Conflict, match="exists"):
        write_bundle(chosen, home, file, doctor=doctor, environ=environ)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_no_planted_secret_is_in_any_file(bundle: dict[str, str]):
    found = {
        name: [line for line in text.splitlines() if "planted" in line]
        for name, text in bundle.items()
    }
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert "cGxhbnRlZC" not in "".join(bundle.values())


def test_what_helps_is_in_it(bundle: dict[str, str]):
    assert "12:00 INFO relay started" in bundle["logs/relay.log"]
    assert "could not connect to postgresql://(secret)@db/sentinel" in bundle["logs/relay.log"]
    assert '"sentinel": "' in bundle["versions.json"]
    assert "was refused" in bundle["doctor.json"]
    assert '"SENTINEL_URL": "http://sentinel.example:8400"' in bundle["environment.json"]
    assert '"SENTINEL_USER": "ada"' in bundle["environment.json"]
    assert '"up_to_date": true' in bundle["tables.json"]
    assert '"name": "relay"' in bundle["health.json"]
    assert "sentinel_outbox_waiting" in bundle["figures.json"]
    assert f"password={GONE}" in bundle["errors.json"]


def test_a_database_that_does_not_answer_is_said_in_its_place(tmp_path: Path):
    chosen = Settings(database_url="mysql://db/x", home=tmp_path)

    def doctor(_: Settings, __: Home) -> list[Check]:
        return []

    write_bundle(chosen, Home(tmp_path), tmp_path / "b.zip", doctor=doctor, environ={})
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert "not supported" in archive.read("tables.json").decode()


@pytest.mark.parametrize(
    "text",
    [
        r"body {\"password\": \"planted\", \"a\": 1}",
        r'''"password": "ab\"planted"''',
        '"api_key": "planted was cut',
        "password=b'planted'",
        "('api-key', 'planted')",
        "password: correct horse planted",
        "  - password: |\n      planted\n      planted\nnext: 1",
        "postgresql://u:p/planted@host/db",
        "postgresql://u:p@planted@host/db",
        "sentinel --password planted",
        "curl -u admin:planted http://x",
        "POST https://n8n.example.org/webhook/planted1 200",
        "https://outlook.office.com/webhook/planted/x",
        "https://ntfy.sh/planted",
        "pwd=planted",
        "<password>planted</password>",
        r"""known: p\"l'4nt3d and p"l\'4nt3d""",
    ],
)
def test_a_secret_is_found_as_yaml_json_python_and_commands_write_it(text: str):
    gone = Redactor(["""p"l'4nt3d"""]).text(text)
    assert "planted" not in gone
    assert "4nt3d" not in gone
    assert GONE in gone


@settings(max_examples=60)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=5, max_size=40),
    st.text(max_size=40), st.text(max_size=40),
)  # fmt: skip
def test_a_known_secret_is_never_left_wherever_it_stands(secret: str, before: str, after: str):
    if secret in GONE or secret in "(address)":
        return
    gone = Redactor([secret]).text(f"{before} {secret} {after}")
    assert secret not in gone.replace(GONE, "").replace("(address)", "") or secret in before + after
