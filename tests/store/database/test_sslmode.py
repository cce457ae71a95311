"""The database by TLS: `sslmode` and `sslrootcert` in its URL.

The embedded PostgreSQL is built without TLS. What stands before it here speaks the beginning of
PostgreSQL's protocol as a server with TLS does: the client asks by SSLRequest, the server says `S`,
and all else follows inside TLS. https://www.postgresql.org/docs/current/protocol-flow.html, SSL
Session Encryption.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from sentinel.errors import DatabaseUnreachable
from sentinel.store import Store
from tests.blocks.smtp_server import certificate

SSL_REQUEST = struct.pack("!ii", 8, 80_877_103)


class Secured:
    """Speaks TLS before a PostgreSQL that does not."""

    def __init__(self, context: ssl.SSLContext, target: tuple[str, int]) -> None:
        self._context = context
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.plain = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            if client.recv(8) != SSL_REQUEST:
                self.plain += 1
                return
            client.sendall(b"S")
            with (
                self._context.wrap_socket(client, server_side=True) as inside,
                socket.create_connection(self._target) as server,
            ):
                back = threading.Thread(target=_copy, args=(server, inside), daemon=True)
                back.start()
                _copy(inside, server)
                server.shutdown(socket.SHUT_RDWR)
                back.join(10)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)


@pytest.fixture
def url(postgres_url: str, tmp_path: Path) -> Generator[URL]:
    """A database that is reached by TLS, as localhost."""
    context, _ = certificate(tmp_path)
    behind = make_url(postgres_url)
    secured = Secured(context, (behind.host or "", behind.port or 0))
    yield behind.set(host="localhost", port=secured.port)
    secured.close()
    assert secured.plain == 0, "nothing was asked without TLS"


def cipher_of(url: URL, **query: str) -> bool:
    """Connect, and say whether the connection is encrypted."""
    store = Store(url.update_query_dict(query).render_as_string(hide_password=False))
    try:
        with store.read() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            return driver.pgconn.ssl_in_use
    finally:
        store.close()


def test_the_mode_in_the_url_decides_what_is_encrypted_and_verified(
    url: URL, postgres_url: str, tmp_path: Path
):
    trusted = str(tmp_path / "cert.pem")
    (tmp_path / "other").mkdir()
    certificate(tmp_path / "other")
    stranger = str(tmp_path / "other" / "cert.pem")
    assert cipher_of(url, sslmode="require")
    assert cipher_of(url, sslmode="verify-full", sslrootcert=trusted)
    with pytest.raises(DatabaseUnreachable, match="certificate verify failed") as error:
        cipher_of(url, sslmode="verify-full", sslrootcert=stranger)
    assert "sslrootcert" in error.value.hint
    assert str(url.password) not in str(error.value)
    elsewhere = url.set(host="127.0.0.1")
    with pytest.raises(DatabaseUnreachable, match="does not match host name"):
        cipher_of(elsewhere, sslmode="verify-full", sslrootcert=trusted)
    assert cipher_of(elsewhere, sslmode="verify-ca", sslrootcert=trusted)
    with pytest.raises(DatabaseUnreachable, match="does not support SSL"):
        cipher_of(make_url(postgres_url), sslmode="require")
