"""`sentinel route …` as a person and CI meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel.cli.exit_codes import Exit
from tests.cli.shell import Run
from tests.world import World

ROUTES = """
route:
  receiver: default
  routes:
    - matchers: [mount="/data"]
      receiver: disks
      active_time_intervals: [office]
time_intervals:
  - name: office
    time_intervals: [{times: [{start_time: "09:00", end_time: "17:00"}]}]
tests:
  - {name: disks, labels: {mount: /data}, receivers: disks}
"""


@pytest.fixture
def file(run: Run, tmp_path: Path) -> str:
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES, "utf-8")
    return str(path)


def test_check_needs_no_database_and_fails_with_the_tests(run: Run, file: str):
    code, out, _ = run("route", "check")
    assert (code, out) == (0, "routes.yaml: 2 routes, 1 test passed.\n")
    Path(file).write_text(ROUTES.replace("receivers: disks", "receivers: other"), "utf-8")
    code, _, err = run("route", "check", file)
    assert code == Exit.USAGE
    assert "test 'disks': notifies disks, not other" in err


def test_a_trial_of_a_file_shows_the_way_the_muting_and_the_messages(run: Run, file: str):
    code, out, _ = run(
        "route", "test", "mount=/data", "--file", file, "--at", "2026-01-01T18:00+00:00",
        "--messages", "1",
    )  # fmt: skip
    assert code == 0
    assert out.splitlines() == [
        "matches  {}",
        '  matches  {mount="/data"}',
        "",
        'Notifies disks, by route {}/{mount="/data"}, grouped by rule=trial, muted at first.',
        "  2026-01-01 18:00:00 UTC  not notified: waiting for more alerts before the first "
        "notification (group_wait); next decision at 2026-01-01 18:00:30 UTC",
        "  2026-01-01 18:00:30 UTC  not notified: outside the active time intervals of its route; "
        "next decision at 2026-01-02 09:00:00 UTC",
        "  2026-01-02 09:00:00 UTC  notified: first notification",
    ]
    code, _, err = run("route", "test", "mount=/data", "-f", file, "--at", "tomorrow")
    assert code == Exit.USAGE
    assert "--at: 'tomorrow' is no time" in err


def test_routes_are_applied_shown_compared_and_rolled_back(run: Run, world: World, file: str):
    code, out, _ = run("route", "diff", file)
    assert code == 0
    code, _, err = run("route", "apply", file)
    assert code == Exit.USAGE
    assert "there is no receiver disks" in err
    run("receiver", "set", "disks", "--channel", "inbox")
    assert run("route", "apply", file, "-m", "disks")[1] == "Version 1 of the routes is active.\n"
    assert run("route", "apply", file)[1].startswith("Nothing changed: version 1")
    assert run("route", "show")[1].strip() == ROUTES.strip()
    code, out, _ = run("route", "test", "rule=disk", "mount=/data", "--json")
    (way,) = json.loads(out)["ways"]
    assert (way["receivers"], way["labels"]) == (["disks"], {"rule": "disk"})
    listed = json.loads(run("owner", "list", "--unowned", "--json")[1])["items"]
    assert [(one["rule"], one["owner"]) for one in listed] == [("disk", "")]
    assert "nobody" in run("owner", "list")[1]
    assert run("route", "rollback", "0", "-m", "loud")[0] == 0
    code, out, _ = run("route", "history")
    assert code == 0
    newest, oldest = out.splitlines()[1:]
    assert newest.startswith("2 (active)")
    assert "rolled back to 0 loud" in newest
    assert "disks" in oldest
    code, out, _ = run("route", "diff", file, "--since", "3650d", "--json")
    found = json.loads(out)
    assert found["alerts"] == 1
    (moved,) = found["moved"]
    assert (moved["before"], moved["after"]) == (["default"], ["disks"])
    code, out, _ = run("route", "diff", file, "--since", "3650d")
    assert "Of 1 alert that opened in the last 3650d, 1 would go another way." in out
