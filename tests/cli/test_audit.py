"""The audit trail on the command line: listed, shown, verified, exported."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import text

from sentinel.store.audit.chaining import chain
from sentinel.store.migrations.audit_triggers import drop_triggers
from tests.cli.shell import Run
from tests.world import World


def test_changes_are_listed_newest_first_with_who_and_by_which_door(run: Run, world: World) -> None:
    assert run("audit", "list")[1] == "No changes.\n"
    run("rule", "disable", "disk", "-m", "moving house")
    run("receiver", "set", "ops", "-c", "inbox")
    rows = json.loads(run("audit", "list", "--json")[1])["items"]
    told = [(row["action"], row["actor"], row["door"], row["kind"]) for row in rows]
    assert told == [
        ("receiver.set", "ada", "cli", "local"),
        ("rule.disabled", "ada", "cli", "local"),
    ]
    out = run("audit", "list", "--action", "rule.")[1]
    assert "moving house" in out
    assert "receiver.set" not in out
    assert run("audit", "list", "--actor", "nobody")[1] == "No changes.\n"
    assert "receiver.set" in run("audit", "list", "OPS", "--since", "1h")[1]


def test_a_change_is_shown_with_what_differs(run: Run, world: World) -> None:
    run("receiver", "set", "ops", "-c", "inbox")
    run("receiver", "set", "ops", "-c", "sentinel-webhook/a")
    chain(world.store)
    code, out, _ = run("audit", "show", "2")
    assert code == 0
    assert "ada set the channels of the receiver ops" in out
    assert '- channels: ["inbox"]' in out
    assert '+ channels: ["sentinel-webhook/a"]' in out
    assert run("audit", "show", "99")[0] == 3


def test_the_chain_is_verified_and_its_end_is_kept(run: Run, world: World) -> None:
    run("receiver", "set", "ops", "-c", "inbox")
    code, out, _ = run("audit", "verify")
    assert (code, out.splitlines()[0]) == (0, "0 rows verified; 1 wait to be chained.")
    chain(world.store)
    head = json.loads(run("audit", "verify", "--json")[1])["head"]
    assert run("audit", "verify")[1].splitlines()[1] == f"head {head}"
    assert run("audit", "verify", "--head", head)[0] == 0
    code, _, err = run("audit", "verify", "--head", f"1:{'f' * 64}")
    assert (code, "is not the one whose hash you gave" in err) == (1, True)
    assert run("audit", "verify", "--head", "yesterday")[0] == 2
    with world.store.write() as connection:
        drop_triggers(connection)
        connection.execute(text("UPDATE audit SET note = 'x'"))
    code, _, err = run("audit", "verify")
    assert (code, "row 1 was altered" in err) == (1, True)
    assert json.loads(run("audit", "verify", "--json")[1])["ok"] is False


def test_changes_are_exported_one_per_line(run: Run, world: World, tmp_path: Path) -> None:
    run("receiver", "set", "ops", "-c", "inbox")
    run("rule", "disable", "disk")
    file = tmp_path / "changes.jsonl"
    assert run("audit", "export", "-o", str(file))[1] == f"Exported 2 changes to {file}.\n"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["action"] for row in rows] == ["rule.disabled", "receiver.set"]
    assert run("audit", "export", "-o", str(file))[0] == 4
    assert len(run("audit", "export", "--action", "rule.")[1].splitlines()) == 1


def test_a_person_is_exported_and_erased(run: Run, world: World, tmp_path: Path) -> None:
    run("rule", "disable", "disk", "-m", "moving house")
    file = tmp_path / "ada.json"
    assert run("person", "export", "ada", "-o", str(file))[0] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    found = json.loads(file.read_text())
    assert [row["action"] for row in found["audit"]] == ["rule.disabled"]
    assert run("person", "export", "ada", "-o", str(file))[0] == 4
    code, out, _ = run("person", "erase", "ada", "--yes", "--json")
    label = json.loads(out)["pseudonym"]
    assert (code, label[:7]) == (0, "erased-")
    (row,) = json.loads(run("audit", "list", "--action", "rule.", "--json")[1])["items"]
    assert row["actor"] == label
    assert run("person", "export", "nobody")[0] == 3


def test_the_chain_holds_right_after_an_erasure(run: Run, world: World) -> None:
    """Its row waits until a relay chains it, which may not run at all."""
    run("rule", "disable", "disk")
    chain(world.store)
    assert run("person", "erase", "ada", "--yes")[0] == 0
    code, out, err = run("audit", "verify")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "1 row verified; 1 wait to be chained."
    chain(world.store)
    run("rule", "enable", "disk")  # by the same name, which has another pseudonym since
    assert run("audit", "verify")[0] == 0
    with world.store.write() as connection:
        connection.execute(text("UPDATE audit_person SET name = NULL, salt = NULL"))
    code, _, err = run("audit", "verify")
    assert (code, "without an erasure" in err) == (1, True)


def test_a_clock_that_was_set_back_is_warned_of(run: Run, world: World) -> None:
    for command, forward in (("disable", 0), ("enable", 7200), ("disable", -7200)):
        world.clock.forward(seconds=forward)
        run("rule", command, "disk")
        chain(world.store)
    code, out, err = run("audit", "verify")
    assert (code, out.splitlines()[0]) == (0, "3 rows verified; 0 wait to be chained.")
    assert err.startswith("warning: between row 2 and row 3 ")
    told = json.loads(run("audit", "verify", "--json")[1])
    assert (told["ok"], len(told["warnings"])) == (True, 1)
