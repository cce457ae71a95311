"""Secrets in Vault, over HTTP as its documentation has it.

The answers are those of "Read secret version" of the KV secrets engine version 2 and of the status
codes, https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version and
https://developer.hashicorp.com/vault/api-docs#http-status-codes.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sentinel.client.connection import options_of
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings, vault

TOKEN = "hvs.a-token-of-the-tests"
SECRET = "from-the-vault"


class Vault(ThreadingHTTPServer):
    """Vault with a secret at `secret/sentinel/api`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.sealed = False
        self.asked: list[str] = []
        self.namespaces: list[str | None] = []
        self.data: dict[str, Any] = {"token": SECRET, "url": "sqlite:///kept.db", "number": 7}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, token: str | None) -> tuple[int, Any]:
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        if path == "/v1/secret/data/teapot":
            return 200, "no JSON"
        metadata = {"created_time": "2018-03-22T02:24:06.945319214Z", "custom_metadata": None,
                    "deletion_time": "", "destroyed": False, "version": 2}  # fmt: skip
        if path == "/v1/secret/data/deleted":
            return 404, {"data": {"data": None, "metadata": {**metadata, "deletion_time": "2026"}}}
        if path != "/v1/secret/data/sentinel/api":
            return 404, {"errors": []}
        return 200, {"request_id": "1", "lease_id": "", "renewable": False, "lease_duration": 0,
                     "data": {"data": self.data, "metadata": metadata}, "wrap_info": None,
                     "warnings": None, "auth": None, "mount_type": "kv"}  # fmt: skip


class _Requests(BaseHTTPRequestHandler):
    server: Vault  # pyright: ignore[reportIncompatibleVariableOverride] - whose requests these are

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.namespaces.append(self.headers["X-Vault-Namespace"])
        status, body = self.server.answer(self.path, self.headers["X-Vault-Token"])
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base's
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Vault]:
    monkeypatch.chdir(tmp_path)
    server = Vault()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    monkeypatch.setenv("VAULT_ADDR", server.address)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    monkeypatch.setenv("SENTINEL_API_TOKEN", "vault:secret/sentinel/api#token")
    yield server
    server.shutdown()
    server.server_close()


def refusal() -> str:
    with pytest.raises(ConfigurationError) as error:
        Settings()
    assert SECRET not in str(error.value)
    assert TOKEN not in str(error.value)
    return f"{error.value.message} | {error.value.hint}"


def test_secrets_are_read_from_vault_once_a_process(server: Vault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENTINEL_DATABASE_URL", "vault:secret/sentinel/api#url")
    for _ in range(2):
        found = Settings()
        assert found.api_token.get_secret_value() == SECRET
        assert found.database_url == "sqlite:///kept.db"
        assert SECRET not in repr(found)
    assert server.asked == ["/v1/secret/data/sentinel/api"], "both fields, both times"
    monkeypatch.setenv("VAULT_NAMESPACE", "teams/ops/")
    Settings()
    assert server.namespaces[0] is None
    assert server.namespaces[-1] == "teams/ops/"


def test_dot_env_may_name_it_and_a_file_may_hold_the_token(
    server: Vault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("VAULT_TOKEN", "SENTINEL_API_TOKEN"):
        monkeypatch.delenv(name)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / ".env").write_text(
        f"SENTINEL_API_TOKEN=vault:secret/sentinel/api#token\nVAULT_TOKEN_FILE={tmp_path}/token\n"
    )
    assert Settings().api_token.get_secret_value() == SECRET


def test_the_client_reads_its_token_there_too(server: Vault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENTINEL_TOKEN", "vault:secret/sentinel/api#token")
    headers = options_of("http://127.0.0.1:8400", None, "")["headers"]
    assert headers == {"Authorization": f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("vault:secret/sentinel/api#pass", "has no field 'pass' | It has: number, token, url."),
        ("vault:secret/sentinel/api#number", "is no text"),
        ("vault:secret/other#token", "has no secret secret/other"),
        ("vault:secret/deleted#token", "Is its latest version deleted?"),
        ("vault:secret/teapot#token", "does not answer as a KV engine version 2"),
        ("vault:from-the-vault", "names no secret of Vault | Write vault:MOUNT/PATH#FIELD"),
    ],
)
def test_what_is_not_there_is_named(
    server: Vault, monkeypatch: pytest.MonkeyPatch, reference: str, says: str
):
    monkeypatch.setenv("SENTINEL_API_TOKEN", reference)
    found = refusal()
    assert says in found
    assert found.startswith("SENTINEL_API_TOKEN")


def test_a_vault_that_refuses_or_is_sealed_is_named(server: Vault, monkeypatch: pytest.MonkeyPatch):
    server.sealed = True
    assert "is sealed or down" in refusal()
    server.sealed = False
    monkeypatch.setenv("VAULT_TOKEN", "hvs.another")
    assert "does not let the token read secret/sentinel/api" in refusal()
    assert "`read` on secret/data/sentinel/api" in refusal()
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    assert Settings().api_token.get_secret_value() == SECRET, "a refusal is not kept"


def test_a_vault_that_does_not_answer_is_named(server: Vault, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(vault, "TIMEOUT_SECONDS", 0.2)
        monkeypatch.setenv("VAULT_ADDR", silent_address)
        assert "does not answer within" in refusal()
    assert "cannot be reached" in refusal(), "nothing listens there now"
    monkeypatch.setenv("VAULT_ADDR", "vault.example.org")
    assert "VAULT_ADDR is no address" in refusal()
    monkeypatch.setenv("VAULT_ADDR", server.address)
    monkeypatch.delenv("VAULT_TOKEN")
    assert "there is no token for it" in refusal()


def test_without_hvac_it_is_said_what_to_install(server: Vault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "hvac", None)
    assert "pip install 'sentinel-alerts[vault]'" in refusal()
