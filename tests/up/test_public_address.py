"""`sentinel doctor` warns where links in messages lead nowhere."""

from __future__ import annotations

import socket
import threading

from sentinel.up.ports import any_free
from sentinel.up.public_address import public_address_state


def test_a_public_address_where_nothing_listens_is_a_warning() -> None:
    found = public_address_state(f"http://127.0.0.1:{any_free()}", "http://127.0.0.1:1/health")
    assert (found.state, "links in messages lead nowhere" in found.says) == ("warning", True)
    assert "SENTINEL_PUBLIC_URL" in found.hint


def test_what_listens_and_is_no_web_server_is_reached_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        found = public_address_state(f"http://127.0.0.1:{port}", "here")
        thread.join(60)
    assert found.state == "ok"
