"""`sentinel import opsgenie` and its like as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from sentinel.cli.exit_codes import Exit
from sentinel.errors import ConfigurationError
from tests.cli.shell import Run
from tests.ingest.oncall_import import grafana_sample, pagerduty_sample
from tests.ingest.oncall_import.opsgenie_sample import answer, write_backup
from tests.ingest.oncall_import.vendor_server import VendorServer
from tests.world import World


def fails(*_given: object, **_more: object) -> int:
    raise ConfigurationError("the document was changed meanwhile")


def test_a_backup_of_opsgenie_is_planned_and_applied_twice_without_change(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = str(write_backup(tmp_path, timelines=True))
    code, out, err = run("import", "opsgenie", folder, "--seed", "3", "-o", "oncall.yaml",
                         "--routes", "routes.yaml")  # fmt: skip
    assert (code, err) == (Exit.DIFFERS, "")
    for line in (
        "+ schedule primary: timezone Europe/Berlin; description first line; layers",
        "left out: integrations.dog: Datadog",
        "differs: escalations.db_escalation.rules[1].notifyType: next",
        "to add.",
        "primary: the same people on call as by Opsgenie at 100 of 100 random instants",
    ):
        assert line in out
    assert run("oncall", "history")[1].startswith("There is no on-call document yet")
    assert run("oncall", "check", "oncall.yaml")[0] == 0
    routes = (tmp_path / "routes.yaml").read_text("utf-8")
    assert routes.startswith("# Routes of Opsgenie, as they go below `route:`")
    assert """+ route {team="db", severity="critical", region!="eu"}: escalation""" in out
    assert yaml.safe_load(routes)["routes"][0]["escalation"] == "db_escalation"
    assert "exists already" in run("import", "opsgenie", folder, "-o", "oncall.yaml")[2]
    # Nothing is applied where a file cannot be made, and no file is left where that fails.
    for named in ("new.yaml", "--routes", "oncall.yaml"), ("new.yaml", "--routes", "no/r.yaml"):
        assert run("import", "opsgenie", folder, "--apply", "-o", *named)[0] not in (
            0,
            Exit.DIFFERS,
        )
        assert not (tmp_path / "new.yaml").exists()
    with monkeypatch.context() as broken:
        broken.setattr("sentinel.ingest.oncall_import.planning.apply_planned", fails)
        assert run("import", "opsgenie", folder, "--apply", "-o", "new.yaml")[0] != 0
    assert not (tmp_path / "new.yaml").exists()
    assert run("oncall", "history")[1].startswith("There is no on-call document yet")

    code, out, _ = run("import", "opsgenie", folder, "--apply", "-m", "we move", "--json")
    made = json.loads(out)
    assert (code, made["applied"], made["version"]) == (0, True, 1)
    assert (len(made["comparisons"][0]["instants"]), made["vendor"]) == (100, "Opsgenie")
    assert "we move" in run("oncall", "history")[1]
    assert "we move" in run("route", "history")[1]
    kept = yaml.safe_load(run("route", "show")[1])
    assert kept == {"route": yaml.safe_load(routes)}
    way = run("route", "test", "team=db", "severity=critical", "region=us")[1]
    assert "db_escalation" in way
    assert {"ann-email", "ann-sms"} <= {
        one["name"] for one in json.loads(run("receiver", "list", "--json")[1])["items"]
    }
    code, out, _ = run("import", "opsgenie", folder, "--apply")
    assert (code, "Nothing changed." in out, "is active" in out) == (0, True, False)
    code, out, _ = run("import", "opsgenie", folder)
    assert (code, "Nothing would change." in out) == (0, True)

    code, out, _ = run("import", "pagerduty", str(pagerduty_sample.write_folder(tmp_path / "pd")))
    assert (code, "conflict: schedule:primary: kept as it is here" in out) == (Exit.DIFFERS, True)
    code, out, _ = run("import", "oncall", str(grafana_sample.write_folder(tmp_path / "oc")))
    assert (code, "conflict: schedule:primary: kept as it is here" in out) == (Exit.DIFFERS, True)
    assert "ONCALL_API_TOKEN is not set" in run("import", "oncall", "https://oc.example")[2]
    assert "PAGERDUTY_API_KEY is not set" in run("import", "pagerduty", "https://pd.example")[2]


def test_the_token_of_an_api_comes_from_the_environment_or_a_file(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server = VendorServer(answer, "GenieKey s3cret")
    with server.serving():
        code, _, err = run("import", "opsgenie", server.url)
        assert (code, "OPSGENIE_API_KEY is not set" in err) == (Exit.USAGE, True)
        (tmp_path / "key").write_text("s3cret\n")
        (tmp_path / "key").chmod(0o600)
        monkeypatch.setenv("OPSGENIE_API_KEY_FILE", str(tmp_path / "key"))
        code, out, err = run("import", "opsgenie", server.url, "--days", "14")
        assert code == Exit.DIFFERS
        assert "429, asked again in 0 s" in err
        assert "s3cret" not in out + err
        monkeypatch.setenv("OPSGENIE_API_KEY", "wrong")
        code, _, err = run("import", "opsgenie", server.url)
        assert (code, "the token is not accepted" in err) == (Exit.USAGE, True)
    assert "is no folder" in run("import", "opsgenie", "nowhere")[2]
