"""Every route of Opsgenie's door × every role × own tenant, foreign tenant, other team."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from sentinel.access import Permission
from sentinel.api.doors import opsgenie
from sentinel.api.needs import needed_by
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.api.matrix_entries import Entry, Expected, always, listed, one_object, whole_tenant
from tests.api.matrix_scene import MatrixScene
from tests.api.test_access_matrix import answers_each_role

NOTE = always({"note": "seen", "endTime": "2100-01-01T00:00:00Z", "owner": {"name": "bob"}})
# That an alert is not there is said by the status of the request, and not by its answer.
STEP = Entry(own=202, foreign=202, team=202, body=NOTE)
MISSING: Expected = 404
ENTRIES: dict[str, Entry] = {
    "POST ": whole_tenant(always({"message": "disk full"}), own=202),
    "GET ": listed(),
    "GET /count": listed(),
    # Each key sees its own requests alone.
    "GET /requests/{request_id}": Entry(own=MISSING, foreign=404, team=404, token=404),
    "GET /{identifier}": one_object(),
    "GET /{identifier}/notes": one_object(),
    "DELETE /{identifier}": Entry(own=422, foreign=422, team=422, token=422),
    **{
        f"POST /{{identifier}}/{step}": STEP
        for step in ("close", "acknowledge", "unacknowledge", "snooze", "notes", "assign")
    },
    "POST /{identifier}/escalate": STEP,
}


def routes() -> list[tuple[str, str, Permission]]:
    found: list[tuple[str, str, Permission]] = []
    for route in opsgenie.router.routes:
        assert isinstance(route, APIRoute)
        needed = needed_by(route.endpoint)
        assert needed is not None
        assert needed.permission is not None
        path = route.path.replace(":path", "")
        found += [(method, path, needed.permission) for method in route.methods or ()]
    return found


@pytest.fixture
def migrated_url(matrix_scene: MatrixScene, tmp_path: Path) -> str:
    return matrix_scene.copied(tmp_path / "sentinel.db")


@pytest.mark.parametrize(("method", "path", "permission"), routes())
def test_a_route_answers_each_role_in_its_own_and_in_a_foreign_tenant(
    client: httpx.Client,
    store: Store,
    clock: FakeClock,
    matrix_scene: MatrixScene,
    method: str,
    path: str,
    permission: Permission,
):
    entry = ENTRIES[f"{method} {path.removeprefix('/opsgenie/v2/alerts')}"]
    clock.set(matrix_scene.moment)
    answers_each_role(client, store, matrix_scene, method, path, permission, entry)
