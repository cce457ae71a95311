"""Rules are exported over HTTP as one file, with those alone that the caller may read."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.rollout.plan import Live
from sentinel.store import Store
from sentinel.store.access.keys import Keys


def deployed(name: str, check: str, team: str, **parameters: Any) -> Live:
    """A deployment of a rule of the tenant red."""
    rule = {"name": name, "tenant": "red", "team": team}
    return Live(
        flow=check,
        deployment={
            "id": name, "name": name, "entrypoint": f"flows.rules.{check}",
            "parameters": {"rule": rule, **parameters},
        },
    )  # fmt: skip


def test_a_pack_is_exported_only_to_who_may_read_each_of_its_rules(
    client: httpx.Client, store: Store, monkeypatch: pytest.MonkeyPatch
):
    theirs = {"trigger": "disk_space", "members": [{"name": "a"}]}
    mixed = {
        "trigger": "disk_space", "columns": ["name", "rule.team"], "rows": [["b", "db"]],
    }  # fmt: skip
    live = [
        deployed("own", "disk_space", "web"), deployed("other", "disk_space", "db"),
        deployed("theirs", "rule_pack", "web", **theirs),
        deployed("mixed", "rule_pack", "web", **mixed),
    ]  # fmt: skip

    class Api:
        def live(self, _: object) -> list[Live]:
            return live

    @contextmanager
    def here(_: object) -> Generator[tuple[Api, None]]:
        yield Api(), None

    monkeypatch.setattr("sentinel.api.rule_file_trials.rollout_here", here)
    secret = (
        Keys(store)
        .create("web", Role.VIEWER, actor="ada", tenants=["red"], teams=["web"])
        .secret.text
    )
    found = client.get(
        "/api/v1/alerts/rule-files", params={"format": "json"},
        headers={"Authorization": f"Bearer {secret}"},
    )  # fmt: skip
    assert found.status_code == 200, found.text
    assert [one["name"] for one in found.json()["deployments"]] == ["own", "theirs"]
