"""The literal requests of the five seeded systems are answered as their users expect."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.seed_requests import (
    NEEDS_INCIDENT,
    NEEDS_SLO,
    NEEDS_TELEMETRY,
    REQUESTS,
    Asked,
)
from tests.api.served import Raised

NEEDS_PREFECT = ("/rules", "/policies", "/providers", "/test-notification")
"""Paths whose answers are made with a Prefect server: test_seed_rules."""


def alone(asked: Asked) -> bool:
    """Return whether the request needs no Prefect server, telemetry store or SLO."""
    needs_prefect = any(f"/api/v1/alerts{start}" in asked.path for start in NEEDS_PREFECT)
    elsewhere = (*NEEDS_TELEMETRY, NEEDS_SLO, NEEDS_INCIDENT)
    return not needs_prefect and not asked.path.startswith(elsewhere)


def sent(client: httpx.Client, asked: Asked, **ids: str) -> httpx.Response:
    """Send the request as the document writes it."""
    headers = {} if asked.content is None else {"Content-Type": asked.content_type}
    path = asked.path
    for name, one in ids.items():
        path = path.replace(f"{{{name}}}", one)
    return client.request(asked.method, path, content=asked.content, headers=headers)


def has(body: Any, path: str) -> bool:
    """Return whether `body` has the field at a dotted path."""
    for name in path.split("."):
        if not isinstance(body, dict) or name not in body:
            return False
        body = body[name]  # pyright: ignore[reportUnknownVariableType] - it is JSON
    return True


HERE = [asked for asked in REQUESTS if alone(asked)]


@pytest.mark.parametrize("asked", HERE, ids=lambda asked: asked.name)
def test_a_literal_request_is_answered(asked: Asked, client: httpx.Client, raised: Raised):
    (alert_id,) = raised("/data")
    answer = sent(client, asked, alert_id=alert_id)
    assert answer.status_code == asked.status, answer.text
    for field in asked.holds:
        assert has(answer.json(), field), f"{field} is missing in {answer.text}"
