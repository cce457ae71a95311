"""On-call, escalations and drills by commands on a laptop, over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from sentinel.store.oncall.documents import OnCallDocuments
from tests.client.running import Run
from tests.world import World

ONCALL = """
people:
  ann: {notify: [{receiver: default}]}
  ben: {notify: [{receiver: default}]}
teams: {db: {people: [ann, ben], escalation: db}}
schedules:
  primary:
    timezone: Europe/Berlin
    layers: [{rotation: {people: [ann], handoff: 2020-01-01T00:00, every: weekly}}]
escalation_policies:
  db: {steps: [{notify: schedule:primary}, {notify: person:ben, after: 5m}]}
"""
AT = ("--at", "2026-01-07T12:00+01:00")


def test_on_call_is_read_and_changed_and_a_drill_followed_over_http(
    world: World, url: str, sentinel: Run, tmp_path: Path
):
    def far(*arguments: str) -> str:
        code, out, err = sentinel("--url", url, *arguments)
        assert code == 0, (arguments, err)
        return out

    def items(*arguments: str) -> list[dict[str, Any]]:
        return json.loads(far(*arguments, "--json"))["items"]

    OnCallDocuments(world.store).apply(ONCALL, actor="ada")
    assert far("oncall", "now").splitlines()[-1].split()[:2] == ["primary", "ann"]
    (standing,) = items("oncall", "now", *AT)
    assert (standing["people"], standing["timezone"]) == (["ann"], "Europe/Berlin")
    assert {one["people"][0] for one in items("oncall", "next", "primary")} == {"ann"}
    made = json.loads(far("oncall", "override", "primary", "ben", "--for", "8h", "--json"))
    (listed,) = items("oncall", "overrides")
    assert (listed["id"], listed["people"]) == (made["id"], "ben")
    assert far("oncall", "remove", made["id"]) == "Took the override back.\n"
    assert sentinel("--url", url, "oncall", "gaps")[0] == 0
    assert sentinel("--url", url, "oncall", "read-calendar", "rota.ics")[0] == 2
    options = world.store.options
    world.store.options = msgspec.structs.replace(options, public_url="https://alerts.example")
    feed = json.loads(far("oncall", "feed", "add", "--person", "ann", "--json"))
    assert feed["url"].startswith("https://alerts.example/")
    assert [one["id"] for one in items("oncall", "feed", "list")] == [feed["id"]]
    assert far("oncall", "feed", "revoke", feed["id"]) == "Revoked the feed.\n"
    file = tmp_path / "ann.ics"
    shifts = json.loads(far("oncall", "calendar", str(file), "--person", "ann", "--json"))["shifts"]
    assert file.read_text().count("BEGIN:VEVENT") == shifts > 0
    document = tmp_path / "oncall.yaml"
    document.write_text(ONCALL.replace("after: 5m", "after: 6m"))
    assert sentinel("--url", url, "oncall", "plan", str(document))[0] == 7
    assert "is active" in far("oncall", "apply", str(document))
    assert far("oncall", "show").strip() == document.read_text().strip()
    assert "is active" in far("oncall", "rollback", str(items("oncall", "history")[1]["number"]))
    assert "person ben" in far("escalation", "show")
    assert "Level 2" in far("escalation", "test", "db", *AT)
    assert far("escalation", "test", "team=db", *AT).startswith("Policy db, escalation of the team")
    assert "Nobody would be paged" in far("escalation", "test", "team=web")
    assert far("drill", "db").startswith("The drill of db began: alert ")
    assert "Nobody acknowledged." in far("drill", "db", "--report")
    assert "resolved" in far("drill", "db", "--end").splitlines()[0]
