"""The API by TLS: 1.2 and later, with the certificate of the settings."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from sentinel.api.serve import _options  # pyright: ignore[reportPrivateUsage] - what `serve` runs with
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.settings.tls import tls_options
from tests.blocks.smtp_server import certificate


def settings(folder: Path, **more: Any) -> Settings:
    certificate(folder)
    given = {"tls_certificate": folder / "cert.pem", "tls_key": folder / "key.pem", **more}
    return Settings.model_validate({"_env_file": None, **given})


@contextmanager
def served(app: FastAPI, chosen: Settings) -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        options: dict[str, Any] = _options(chosen) | {"port": 0}
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", ws="none", **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def port(app: FastAPI, tmp_path: Path) -> Generator[int]:
    with served(app, settings(tmp_path)) as port:
        yield port


def test_the_api_answers_by_tls_to_whoever_trusts_its_certificate(port: int, tmp_path: Path):
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    with httpx.Client(verify=trusted, trust_env=False) as client:
        assert client.get(f"https://localhost:{port}/health").status_code in (200, 503)
    with httpx.Client(trust_env=False) as client:
        with pytest.raises(httpx.HTTPError):
            client.get(f"https://localhost:{port}/health")
        with pytest.raises(httpx.HTTPError):
            client.get(f"http://localhost:{port}/health")


@pytest.mark.parametrize(
    ("version", "speaks"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)]
)
def test_versions_before_1_2_are_refused(port: int, tmp_path: Path, version: str, speaks: bool):
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1") if not speaks else nullcontext():
        trusted.minimum_version = trusted.maximum_version = ssl.TLSVersion[version]
    if not speaks:
        trusted.set_ciphers("ALL:@SECLEVEL=0")  # else this side would refuse it
    with socket.create_connection(("localhost", port), 20) as plain:
        if not speaks:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                trusted.wrap_socket(plain, server_hostname="localhost")
            return
        with trusted.wrap_socket(plain, server_hostname="localhost") as secured:
            assert secured.version() == version.replace("_", ".")
            cipher = secured.cipher()
            assert cipher is not None
            assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"tls_certificate": "/nowhere/cert.pem"}, "/nowhere/cert.pem .*No such file"),
        ({"tls_key": "/nowhere/key.pem"}, "/nowhere/key.pem"),
        ({"tls_certificate": None}, "SENTINEL_TLS_CERTIFICATE is not"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, given: dict[str, Any], says: str):
    with pytest.raises(ConfigurationError, match=says):
        tls_options(settings(tmp_path, **given))


def test_a_key_of_another_certificate_is_refused(tmp_path: Path):
    (tmp_path / "other").mkdir()
    certificate(tmp_path / "other")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        tls_options(settings(tmp_path, tls_key=tmp_path / "other" / "key.pem"))


def test_without_a_certificate_there_is_no_tls():
    chosen = Settings.model_validate({"_env_file": None})
    assert tls_options(chosen) == {}
    assert chosen.scheme == "http"
