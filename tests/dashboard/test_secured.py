"""The dashboard by TLS, as `sentinel up` starts it: 1.2 and later, with the API's certificate."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from collections.abc import Generator
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from sentinel.settings import Settings
from sentinel.up.services import dashboard_of
from tests.blocks.smtp_server import certificate
from tests.databases import sqlite_copy
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def port(tmp_path: Path, migrated_sqlite: Path) -> Generator[int]:
    certificate(tmp_path)
    key = tmp_path / "key.pem"
    opened = serialization.load_pem_private_key(key.read_bytes(), None)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    sealed = serialization.BestAvailableEncryption(b"sesame")
    key.write_bytes(opened.private_bytes(pem, pkcs8, sealed))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {
        "home": tmp_path,
        "database_url": sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db"),
        "dashboard_port": port,
        "tls_certificate": tmp_path / "cert.pem",
        "tls_key": key,
        "tls_key_password": "sesame",
    }
    environment = {f"SENTINEL_{name.upper()}": str(value) for name, value in given.items()}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            dashboard_of(Settings.model_validate({"_env_file": None, **given})),
            env=os.environ | environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        yield port
        process.terminate()
        process.wait(30)


def test_pages_and_live_api_are_served_by_tls_1_2_and_1_3_alone(port: int, tmp_path: Path):
    def trusted() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))

    def answers() -> bool:
        try:
            return client.get("/_stcore/health").is_success
        except httpx.TransportError:
            return False

    def said() -> str:
        return (tmp_path / "log").read_text()

    url = f"https://localhost:{port}"
    with httpx.Client(verify=trusted(), trust_env=False, base_url=url, timeout=30) as client:
        eventually(answers, "it answers", within=60, said=said)
        assert "<script" in client.get("/").text
        assert client.get("/sentinel/view").status_code == 403, (
            "the live API wants its page's token"
        )
    with httpx.Client(trust_env=False) as plain, pytest.raises(httpx.HTTPError):
        plain.get(f"http://localhost:{port}/")
    for version, speaks in (("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)):
        context = trusted()
        with nullcontext() if speaks else pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
        if not speaks:
            context.set_ciphers("ALL:@SECLEVEL=0")  # else this side would refuse it
        refused = nullcontext() if speaks else pytest.raises((ssl.SSLError, ConnectionError))
        with socket.create_connection(("localhost", port), 20) as connection, refused:
            secured = context.wrap_socket(connection, server_hostname="localhost")
            assert secured.version() == version.replace("_", ".")
            assert any(one in str(secured.cipher()) for one in ("GCM", "CHACHA20"))
            secured.close()
