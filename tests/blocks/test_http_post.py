"""Requests of channels over TLS, to a real HTTPS server with a certificate of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.webhook import SignedWebhook
from sentinel.errors import DeliveryError
from tests.blocks.messages import message
from tests.blocks.smtp_server import certificate
from tests.prefect_server import Receiver


def test_an_authority_that_is_exchanged_on_the_disk_counts_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    context, right = certificate(tmp_path / "new")
    _, wrong = certificate(tmp_path / "old")
    trusted = tmp_path / "trusted.pem"
    shutil.copy(wrong, trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with Receiver(tls=context).serving() as receiver:
        hook = SignedWebhook(
            url=SecretStr(receiver.url.replace("127.0.0.1", "localhost")),
            secret=SecretStr("a-shared-secret"),
        )
        for _ in range(2):
            with pytest.raises(DeliveryError, match="did not answer"):
                hook.send(message())
        shutil.copy(right, trusted)
        hook.send(message())
        hook.send(message())
    assert len(receiver.requests) == 2
