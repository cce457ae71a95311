"""The command line as a person and a script meet it, on a real database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.cli.deploy import rules_here
from tests.cli.shell import Run
from tests.databases import both_databases
from tests.prefect_server import ROOT
from tests.world import World


def only_alert(run: Run, *arguments: str) -> dict[str, object]:
    code, out, _ = run("alert", "list", "--json", *arguments)
    assert code == 0
    (alert,) = json.loads(out)["items"]
    return alert


def test_help_teaches_with_examples(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for word in ("sentinel up", "sentinel watch", "sentinel deploy", "alert list", "Exit codes"):
        assert word in out


def test_no_command_imports_prefect_to_list_alerts() -> None:
    code = "import sentinel.cli, sentinel.store, sys; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@both_databases
def test_an_alert_is_listed_for_people_and_for_programs(run: Run, world: World) -> None:
    alert = only_alert(run)
    assert (alert["rule"], alert["status"]) == ("disk", "open")
    code, out, _ = run("alert", "list")
    assert code == 0
    assert str(alert["id"])[:8] in out


def test_an_alert_is_shown_with_its_timeline(run: Run, world: World) -> None:
    alert = only_alert(run)
    code, out, _ = run("alert", "show", str(alert["id"])[:12])
    assert code == 0
    assert str(alert["title"]) in out
    assert "opened" in out
    code, out, _ = run("alert", "show", str(alert["id"]), "--json")
    assert [entry["kind"] for entry in json.loads(out)["timeline"]] == ["opened"]


def test_why_prints_each_decision_as_a_sentence(run: Run, world: World) -> None:
    identity = str(only_alert(run)["id"])
    code, out, _ = run("alert", "why", identity[:12])
    assert code == 0
    assert out.startswith("The alert is open.\n\nRoute default, grouped by rule=disk: open, ")
    # The alert is of the past, so what waited is due by now.
    assert "\n  default, inbox: Due now: first notification.\n" in out
    code, out, _ = run("alert", "why", identity, "--json")
    assert json.loads(out)["groups"][0]["channels"][0]["reason"] == "first"


def test_acknowledging_keeps_who_and_why(run: Run, world: World) -> None:
    identity = str(only_alert(run)["id"])
    assert run("alert", "ack", identity[:12], "-m", "on it")[0] == 0
    alert = only_alert(run)
    assert alert["status"] == "acknowledged"
    assert (alert["acknowledged_by"], alert["acknowledge_comment"]) == ("ada", "on it")


def test_a_resolved_alert_is_history_and_resolving_again_is_a_conflict(
    run: Run, world: World
) -> None:
    identity = str(only_alert(run)["id"])
    assert run("alert", "resolve", identity)[0] == 0
    assert run("alert", "list")[1] == "No open alerts.\n"
    assert only_alert(run, "--history")["status"] == "resolved"
    code, _, err = run("alert", "ack", identity)
    assert code == 4
    assert err.startswith("sentinel: ")


def test_an_alert_that_does_not_exist_is_not_found(run: Run, world: World) -> None:
    code, _, err = run("alert", "show", "ffff")
    assert code == 3
    assert "there is no alert" in err


def test_a_disabled_rule_closes_its_alerts(run: Run, world: World) -> None:
    code, out, _ = run("rule", "disable", "disk", "-m", "moving house", "--json")
    assert (code, json.loads(out)["closed"]) == (0, 1)
    (rule,) = json.loads(run("rule", "list", "--json")[1])["items"]
    assert (rule["enabled"], rule["switch_reason"]) == (False, "moving house")
    assert "off, by ada" in run("rule", "show", "disk")[1]
    assert "{'" not in run("rule", "show", "disk")[1]  # as a file has it, not as Python does
    assert run("rule", "enable", "disk")[1] == "Enabled disk.\n"
    assert run("rule", "enable", "disk")[1] == "disk is enabled already.\n"
    assert run("rule", "show", "none")[0] == 3


def test_a_receiver_is_created_and_removed(run: Run, world: World) -> None:
    code, out, _ = run("receiver", "set", "night", "-c", "inbox", "--json")
    assert (code, json.loads(out)) == (
        0, {"name": "night", "channels": ["inbox"], "open_before": 0, "missing": []},
    )  # fmt: skip
    assert "night" in run("receiver", "list")[1]
    wrong = run("receiver", "template", "night", "--title", "{severety}")
    assert (wrong[0], "title, line 1, column 2: {severety} is unknown" in wrong[2]) == (2, True)
    set_ = run("receiver", "template", "night", "--title", "{rule}: {title}", "--json")[1]
    assert json.loads(set_)["templates"] == [
        {"channel": None, "title": "{rule}: {title}", "text": "", "source": "ui"}
    ]
    alert = world.ids()[0]
    shown = run("receiver", "preview", "night", "--alert", alert)[1]
    assert shown.startswith("disk: "), shown
    assert "(the built-in list of alerts)" in shown
    draft = run("receiver", "preview", "night", "--alert", alert, "--text", "on {labels.mount}")[1]
    assert "\n\non /" in draft
    built_in = "Messages of the receiver night have the built-in texts.\n"
    assert run("receiver", "template", "night", "--remove") == (0, built_in, "")
    limited = "The receiver night is sent at most 5 messages a minute.\n"
    assert run("receiver", "limit", "night", "5") == (0, limited, "")
    assert json.loads(run("channel", "limit", "inbox", "0", "--json")[1]) == {
        "channel": "inbox", "per_minute": 0,
    }  # fmt: skip
    assert run("channel", "limit", "inbox", "default")[1].endswith("100 messages a minute.\n")
    assert "no receiver has the channel" in run("channel", "limit", "sms/x", "5")[2]
    assert "'few' is no number" in run("receiver", "limit", "night", "few")[2]
    assert run("receiver", "remove", "night")[1] == "Removed the receiver night.\n"
    assert run("receiver", "remove", "night", "--json")[0] == 3


def test_without_an_instance_the_error_says_how_to_start_one(run: Run) -> None:
    code, _, err = run("alert", "list")
    assert code == 5
    assert "sentinel up" in err
    assert run("status")[0] == 5
    assert run("down")[0] == 0
    assert json.loads(run("down", "--json")[1])["stopped"] is False
    assert run("doctor")[0] == 0


def test_a_prefect_that_does_not_answer_is_reported(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    code, _, err = run("pool", "ensure")
    assert code == 5
    assert "http://127.0.0.1:9/api" in err
    assert "PREFECT_API_URL" in err


def test_the_default_file_is_the_one_of_this_folder_else_sentinels_own(run: Run) -> None:
    assert rules_here() == ROOT / "prefect.yaml"
    here = Path.cwd() / "prefect.yaml"
    here.write_text("deployments: []\n")
    assert rules_here() == here


def test_a_wrong_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_API_PORT", "99999")
    code, _, err = run("status")
    assert code == 2
    assert "SENTINEL_API_PORT" in err


def test_wrong_usage_is_two(run: Run) -> None:
    assert run("alert", "frobnicate")[0] == 2


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("watch ftp://x", 2, "'ftp://x' is not a web address. Example: http"),
        ("alert ack nosuch", 3, "'nosuch' is no id of an alert. Ids are hex digits; see: "),
        ("trigger run disk_space --set ignore=3", 2, "ignore.0: a mount point is an absolute path"),
        ("trigger run disk_space --set nosuch=3", 2, "no parameter 'nosuch'. It has: paths"),
        ("trigger run disk_space --when nosuch", 2, "--when 'nosuch' is not a condition. Write it"),
        ("trigger run disk_space --above 1 --below 2", 2, "sentinel: when: give exactly one of"),
        ("trigger run disk_space --rule-file nosuch", 2, "the file nosuch cannot be read: No such"),
        ("trigger run nosuch", 3, "there is no trigger 'nosuch'. Triggers: "),
        ("deploy --pack nosuch", 3, "there is no pack 'nosuch'. Packs: "),
        ("rule show nosuch", 3, "there is no rule 'nosuch'. A rule is known here once it has run"),
        ("db restore nosuch", 2, "the file nosuch cannot be read: No such file or directory. Name"),
    ],
)
def test_bad_input_is_answered_with_one_sentence_that_says_what_to_do(
    run: Run, world: World, command: str, code: int, said: str
) -> None:
    got, _, err = run(*command.split())
    assert (got, err.count("\n")) == (code, 1)
    assert err.startswith("sentinel: ")
    assert said in err


def test_a_pack_without_rules_is_not_called_a_product_without_rules(run: Run, world: World) -> None:
    code, out, _ = run("rule", "list", "--pack", "nosuch")
    assert (code, "No rule that has run is in a pack 'nosuch'." in out) == (0, True)
