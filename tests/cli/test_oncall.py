"""`sentinel oncall …` and `sentinel escalation …` as a person meets them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from sentinel.alerts.actions import Acknowledge
from sentinel.cli.exit_codes import Exit
from sentinel.engine.paging import escalate_due
from tests.cli.shell import Run
from tests.world import World

DOCUMENT = """
people:
  ann: {notify: [{receiver: ann}, {receiver: ann-sms, after: 5m}]}
  ben: {notify: [{receiver: ben}]}
schedules:
  primary:
    timezone: Europe/Berlin
    layers: [{name: weekly, rotation: {people: [ann, ben], handoff: 2026-01-05T09:00}}]
  evenings:
    layers:
      - rotation: {people: [ann, ann, ann, ben], handoff: 2026-01-05T18:00, every: daily}
        within: [{start: '18:00', end: '22:00'}]
escalation_policies:
  default: {steps: [{notify: schedule:primary}, {after: 10m, notify: person:ben}]}
"""


@pytest.fixture
def file(run: Run, world: World, tmp_path: Path) -> str:
    for name in ("ann", "ann-sms", "ben"):
        assert run("receiver", "set", name, "--channel", f"sentinel-webhook/{name}")[0] == 0
    path = tmp_path / "oncall.yaml"
    path.write_text(DOCUMENT, "utf-8")
    return str(path)


def test_a_document_is_checked_applied_shown_and_rolled_back(run: Run, file: str):
    assert run("oncall", "check", file)[1].endswith(
        "people 2, teams 0, schedules 2, escalation policies 1.\n"
    )
    checked = json.loads(run("oncall", "check", file, "--json")[1])
    assert checked["receivers"] == ["ann", "ann-sms", "ben"]
    code, out, _ = run("oncall", "plan", file)
    assert (code, out.count("+ person "), "5 to add." in out) == (Exit.DIFFERS, 2, True)
    assert "+ schedule evenings: layers " in out
    assert run("oncall", "apply", file, "-m", "first")[1] == (
        "Version 1 of the on-call document is active.\n"
    )
    assert run("oncall", "apply", file)[1].startswith("Nothing changed")
    assert run("oncall", "plan", file)[:2] == (0, "Nothing would change.\n")
    assert run("oncall", "show")[1] == DOCUMENT
    Path(file).write_text(DOCUMENT.replace("[ann, ben], hand", "[ben, ann], hand"), "utf-8")
    code, out, _ = run("oncall", "plan", file, "--json")
    (one,) = json.loads(out)["differences"]
    assert (code, one["sign"], one["kind"], one["name"]) == (
        Exit.DIFFERS, "~", "schedule", "primary"
    )  # fmt: skip
    assert "layers " in one["text"]
    assert " -> " in one["text"]
    assert run("oncall", "apply", file, "--expect", "0")[0] == Exit.CONFLICT
    assert run("oncall", "apply", file)[0] == 0
    assert "which is version 1 again" in run("oncall", "rollback", "1")[1]
    versions = json.loads(run("oncall", "history", "--json")[1])["items"]
    assert [one["number"] for one in versions] == [3, 2, 1]
    Path(file).write_text(DOCUMENT.replace("ann-sms", "nowhere"), "utf-8")
    refused = "`oncall apply` would refuse it: there is no receiver nowhere."
    assert run("oncall", "plan", file)[1].splitlines()[-1] == refused
    code, _, err = run("oncall", "apply", file)
    assert (code != 0, "nowhere" in err) == (True, True)
    Path(file).write_text(DOCUMENT.replace("[ann, ben], hand", "[zoe], hand"), "utf-8")
    code, _, err = run("oncall", "check", file)
    assert (code, "schedules.primary: there is no person 'zoe'" in err) == (Exit.USAGE, True)


def test_now_names_who_is_on_call_until_when_and_who_is_next(run: Run, file: str):
    assert run("oncall", "now")[1] == "There are no schedules: sentinel oncall apply FILE\n"
    run("oncall", "apply", file)
    out = run("oncall", "now", "primary", "--at", "2026-01-07T12:00+01:00")[1]
    assert "ann" in out
    assert "Mon 2026-01-12 09:00" in out
    found = json.loads(run("oncall", "now", "--at", "2026-01-07T12:00+01:00", "--json")[1])
    assert [(one["schedule"], one["people"], one["following"]) for one in found["items"]] == [
        ("evenings", [], ["ann"]),
        ("primary", ["ann"], ["ben"]),
    ]
    code, _, err = run("oncall", "now", "nights")
    assert (code, "Schedules: evenings, primary" in err) == (Exit.NOT_FOUND, True)


def test_gaps_and_uneven_shares_are_listed_with_an_exit_code(run: Run, file: str):
    run("oncall", "apply", file)
    code, out, _ = run("oncall", "gaps", "evenings", "--days", "28")
    assert code == Exit.FAILED
    assert "20h" in out
    assert "more than their share" in out
    code, out, _ = run("oncall", "gaps", "primary", "--days", "14")
    assert code == 0
    assert out.startswith("Somebody is on call at all times that need it, for 14 days.")


def test_the_last_shift_that_is_listed_has_its_own_end(run: Run, file: str, tmp_path: Path):
    run("oncall", "apply", file)
    few, more = (
        json.loads(run("oncall", "next", "primary", "--days", days, "--json")[1])["items"]
        for days in ("10", "40")
    )
    assert 0 < len(few) < len(more)
    assert few == more[: len(few)]
    alone = tmp_path / "alone.yaml"
    alone.write_text(DOCUMENT.replace("01-05T09:00}", "01-05T09:00, every: 60 weeks}"), "utf-8")
    assert run("oncall", "apply", str(alone))[0] == 0
    assert "at least" in run("oncall", "next", "primary")[1]
    assert "at least" not in run("oncall", "next", "evenings")[1]


def test_an_override_and_a_swap_are_made_listed_and_taken_back(run: Run, file: str):
    run("oncall", "apply", file)
    made = json.loads(
        run("oncall", "override", "primary", "ben", "--for", "8h", "-m", "ill", "--json")[1]
    )
    listed = run("oncall", "overrides")[1]
    assert "ben" in listed
    assert "ill" in listed
    assert run("oncall", "remove", made["id"])[1] == "Took the override back.\n"
    shifts = json.loads(run("oncall", "next", "primary", "--days", "21", "--json")[1])["items"]
    second, third = shifts[1], shifts[2]
    out = run("oncall", "swap", "primary", second["start"], third["start"])[1]
    assert out.startswith(third["people"][0])
    after = json.loads(run("oncall", "next", "primary", "--days", "21", "--json")[1])["items"]
    assert [one["people"] for one in after[1:3]] == [third["people"], second["people"]]
    identity = out.split()[-1]
    assert run("oncall", "remove", identity)[1] == "Took the swap back.\n"
    code, _, err = run("oncall", "override", "primary", "ben")
    assert (code, "either --until or --for" in err) == (Exit.USAGE, True)


def test_a_policy_is_tried_at_a_moment_without_notifying_anybody(run: Run, file: str):
    run("oncall", "apply", file)
    assert "person ben" in run("escalation", "show")[1]
    code, out, _ = run(
        "escalation", "test", "default", "--severity", "high", "--at", "2026-01-07T12:00+01:00",
        "--timezone", "Europe/Berlin",
    )  # fmt: skip
    assert code == 0
    assert out.splitlines() == [
        "Level 1  Wed 2026-01-07 12:00:00 CET",
        "  Wed 12:00:00  ann by ann, for schedule primary",
        "  Wed 12:05:00  ann by ann-sms, for schedule primary",
        "Level 2  Wed 2026-01-07 12:10:00 CET",
        "  Wed 12:10:00  ben by ben, for person ben",
    ]
    assert run("escalation", "test", "nothing")[0] == Exit.NOT_FOUND
    code, _, err = run("escalation", "test", "default", "--timezone", "Mars/X")
    assert (code, "'Mars/X' is no time zone" in err) == (Exit.USAGE, True)
    # By the labels of an alert: its route's policy.
    assert run("escalation", "test", "tier=1")[1].startswith("Nobody would be paged")
    assert "has no team 'nope'. Teams: " in run("escalation", "test", "team=nope")[1]
    routes = Path(file).with_name("routes.yaml")
    routes.write_text(
        "route: {receiver: default, routes: [{matchers: ['tier=1'], escalation: default}]}"
    )
    assert run("route", "apply", str(routes))[0] == 0
    found = run("escalation", "test", "tier=1", "--at", "2026-01-07T11:00+00:00")[1].splitlines()
    assert found[0] == "Policy default, escalation of the route"
    assert found[-1] == "  Wed 11:10:00  ben by ben, for person ben"
    said = run("route", "test", "tier=1")[1]
    assert "Escalation policy: default, escalation of the route." in said
    assert run("escalation", "test", "default", "--severity", "loud")[0] == Exit.USAGE


def test_a_drill_says_who_was_reached_after_how_long_and_who_did_not_acknowledge(
    run: Run, file: str, world: World
):
    run("oncall", "apply", file)
    unknown = run("drill", "db", "--severity", "hmm")
    assert unknown[0] == Exit.USAGE
    assert "--severity: 'hmm' is none of critical, high" in "".join(map(str, unknown))
    refused = run("drill", "db")
    assert (refused[0], "no team 'db'" in refused[2]) == (Exit.NOT_FOUND, True)
    team = "teams: {db: {people: [ann, ben], escalation: default}}"
    policy = DOCUMENT.replace("notify: schedule:primary", "notify: person:ann")  # in every week
    Path(file).write_text(f"{policy}{team}")
    run("oncall", "apply", file)
    begun = json.loads(run("drill", "db", "--json")[1])
    assert run("drill", "db")[0] == Exit.CONFLICT
    (listed,) = json.loads(run("escalation", "list", "--json")[1])["items"]
    due = datetime.fromisoformat(listed["due_at"]).astimezone(UTC)
    assert f"{due:%a %Y-%m-%d %H:%M:%S} UTC" in run("escalation", "list")[1]
    # Commands have the clock of this machine, which is followed here.
    world.clock.set(datetime.fromisoformat(begun["started_at"]) + timedelta(seconds=31))
    escalate_due(world.store, world.recorder.channel_of, by="test")
    (_, message), *_ = world.recorder.messages
    assert message.title == "[high] Drill: db"
    world.clock.forward(minutes=11)
    escalate_due(world.store, world.recorder.channel_of, by="test")
    world.store.act([begun["id"]], Acknowledge(actor="ben"))
    found = json.loads(run("drill", "db", "--report", "--json")[1])
    assert [(one["level"], one["person"], one["seconds"]) for one in found["pages"]] == [
        (1, "ann", 31.0), (1, "ann", 691.0), (2, "ben", 691.0)
    ]  # fmt: skip
    assert found["pages"][0]["channel"] == "sentinel-webhook/ann"
    assert (found["reached"], found["silent"], found["over"]) == (["ann", "ben"], ["ann"], True)
    out = run("drill", "db", "--end")[1]
    assert "Acknowledged by ben after 691.0 s." in out
    assert out.splitlines()[-1] == "Reached and did not acknowledge: ann."
    assert "resolved" in out.splitlines()[0]
    assert run("drill", "db", "--end", "--report")[0] == Exit.USAGE
    # Where no level is left and all pages were sent, nothing more is paged.
    begun = json.loads(run("drill", "db", "--json")[1])
    world.clock.set(datetime.fromisoformat(begun["started_at"]) + timedelta(seconds=31))
    escalate_due(world.store, world.recorder.channel_of, by="test")
    assert not json.loads(run("drill", "db", "--report", "--json")[1])["over"]
    world.clock.forward(minutes=11)
    escalate_due(world.store, world.recorder.channel_of, by="test")
    last = json.loads(run("drill", "db", "--report", "--json")[1])
    assert (last["id"], last["over"], last["acknowledged_by"]) == (begun["id"], True, "")
    assert {one["state"] for one in last["pages"]} == {"sent"}
    run("drill", "db", "--end")
    # What is followed is ended when its time is over.
    out = run("drill", "db", "--wait", "0s")[1]
    assert ("resolved" in out, out.splitlines()[-1]) == (True, "Nobody acknowledged.")


def test_shifts_are_written_as_a_calendar_and_read_as_a_temporary_schedule(
    run: Run, file: str, tmp_path: Path
):
    run("oncall", "apply", file)
    ics = str(tmp_path / "oncall.ics")
    code, out, err = run("oncall", "calendar", ics, "--schedule", "primary", "--days", "30")
    assert (code, out[:6], err) == (0, "Wrote ", "")
    found = json.loads(
        run(
            "oncall", "read-calendar", ics, "--timezone", "Europe/Berlin", "--days", "20", "--json"
        )[1]
    )
    given = yaml.safe_load(DOCUMENT)
    given["schedules"]["primary"] |= {"temporary": found["temporary"]}
    copied = found["temporary"][0]["shifts"]
    assert len(copied) >= 3
    assert found["problems"] == []
    path = tmp_path / "with-calendar.yaml"
    path.write_text(yaml.safe_dump(given), "utf-8")
    before = json.loads(run("oncall", "next", "primary", "--days", "15", "--json")[1])["items"]
    assert run("oncall", "apply", str(path))[0] == 0
    after = json.loads(run("oncall", "next", "primary", "--days", "15", "--json")[1])["items"]
    assert [one["people"] for one in after] == [one["people"] for one in before]
    assert [one["source"] for one in after] == ["temporary schedule"] * len(after)


def test_a_calendar_feed_has_an_address_that_is_shown_once(
    run: Run, file: str, monkeypatch: pytest.MonkeyPatch
):
    run("oncall", "apply", file)
    assert "SENTINEL_PUBLIC_URL is not set" in run("oncall", "feed", "add", "--person", "ann")[2]
    monkeypatch.setenv("SENTINEL_PUBLIC_URL", "https://ack.example.org")
    made = json.loads(run("oncall", "feed", "add", "--person", "ann", "--json")[1])
    assert made["url"].startswith("https://ack.example.org/calendar/")
    listed = run("oncall", "feed", "list")[1]
    assert (made["id"] in listed, made["url"].split("/")[-1] in listed) == (True, False)
    assert run("oncall", "feed", "revoke", made["id"])[1] == "Revoked the feed.\n"
    assert run("oncall", "feed", "list")[1] == "There are no calendar feeds.\n"
