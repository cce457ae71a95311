"""What a person does to alerts by command, on both databases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.shell import Run
from tests.databases import both_databases
from tests.world import World


def alert(run: Run) -> dict[str, Any]:
    code, out, _ = run("alert", "list", "--history", "--json")
    assert code == 0
    (found,) = json.loads(out)["items"]
    return found


def act(run: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = run("alert", arguments[0], alert(run)["id"], *arguments[1:], "--json")
    assert code == 0, err
    (done,) = json.loads(out)["items"]
    return done


def timeline(run: Run) -> list[tuple[str, str, str]]:
    _, out, _ = run("alert", "show", alert(run)["id"], "--json")
    return [(one["kind"], one["actor"], one["comment"]) for one in json.loads(out)["timeline"]]


@both_databases
def test_a_suppressed_alert_is_shown_as_such_with_who_and_why(run: Run, world: World) -> None:
    assert act(run, "suppress", "--for", "2h", "-m", "rebuilding")["status"] == "suppressed"
    assert alert(run)["status"] == "suppressed"
    assert timeline(run)[-1] == ("suppressed", "ada", "rebuilding")


def test_unsuppressing_makes_it_open_again(run: Run, world: World) -> None:
    act(run, "suppress")
    assert act(run, "unsuppress")["status"] == "open"


def test_an_invalid_duration_is_wrong_usage(run: Run, world: World) -> None:
    code, _, err = run("alert", "suppress", alert(run)["id"], "--for", "soon")
    assert code == 2
    assert "--for" in err
    assert "30s, 5m" in err


def test_assigned_alerts_are_listed_by_assignee(run: Run, world: World) -> None:
    act(run, "assign", "--to", "grace")
    (mine,) = json.loads(run("alert", "list", "--assignee", "grace", "--json")[1])["items"]
    assert mine["assignee"] == "grace"
    assert run("alert", "list", "--assignee", "ada")[1] == "No alerts.\n"
    act(run, "assign", "--to", "")
    assert alert(run)["assignee"] == ""


def test_a_comment_goes_into_the_timeline_and_must_not_be_empty(run: Run, world: World) -> None:
    act(run, "comment", "-m", "the vendor has been called")
    assert timeline(run)[-1] == ("commented", "ada", "the vendor has been called")
    assert run("alert", "comment", alert(run)["id"], "-m", " ")[0] == 2
    assert run("alert", "comment", alert(run)["id"])[0] == 2


def test_an_acknowledgement_can_be_withdrawn_once(run: Run, world: World) -> None:
    act(run, "ack")
    assert act(run, "unack", "-m", "my shift is over")["status"] == "open"
    code, _, err = run("alert", "unack", alert(run)["id"])
    assert code == 4
    assert "not acknowledged" in err


def test_a_resolve_can_be_taken_back(run: Run, world: World) -> None:
    id_ = alert(run)["id"]
    run("alert", "ack", id_)
    run("alert", "resolve", id_)
    code, out, _ = run("alert", "reopen", id_, "-m", "the new disk is bad too")
    assert code == 0
    assert " acknowledged: " in out
    assert timeline(run)[-1] == ("reopened", "ada", "the new disk is bad too")


@both_databases
def test_people_read_the_outcome_of_each_alert(run: Run, world: World) -> None:
    code, out, _ = run("alert", "suppress", alert(run)["id"][:12], "--for", "30m")
    assert code == 0
    assert "suppressed: " in out
    assert " grace's: " in run("alert", "assign", alert(run)["id"], "--to", "grace")[1]
    assert " commented: " in run("alert", "comment", alert(run)["id"], "-m", "seen")[1]


def test_resolving_an_alert_that_still_holds_offers_a_snooze(run: Run, world: World) -> None:
    id_ = alert(run)["id"]
    code, out, _ = run("alert", "resolve", id_)
    assert code == 0
    assert "still fired at the last evaluation, and reopens in 5m if it still does" in out
    # What is offered works on what was resolved.
    assert run("alert", "suppress", id_, "--for", "1h")[0] == 0


def test_the_offer_says_for_how_long_a_resolve_stands_here(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_HOLD_AFTER_MANUAL_RESOLVE", "20m")
    assert "reopens in 20m" in act(run, "resolve")["offer"]


def test_an_alert_that_was_ok_at_the_last_evaluation_is_offered_nothing(
    run: Run, world: World
) -> None:
    world.sees({"/srv": 50.0})
    world.store.close()
    assert "offer" not in act(run, "resolve")


def test_what_nobody_would_be_paged_for_is_not_escalated(run: Run, world: World) -> None:
    code, out, err = run("alert", "escalate", alert(run)["id"])
    assert code != 0
    assert "no further level pages anybody" in out + err


def test_an_alert_is_marked_as_noise_and_no_longer(run: Run, world: World) -> None:
    assert act(run, "noise", "-m", "flaps")["reason_text"] == "marked as noise"
    code, out, _ = run("alert", "not-noise", alert(run)["id"])
    assert (code, "no longer marked as noise" in out) == (0, True)
    code, out, err = run("alert", "noise", alert(run)["id"])
    assert (code != 0, "needs its reason" in out + err) == (True, True)
