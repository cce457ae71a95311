"""`sentinel silence …`."""

from __future__ import annotations

import json

from tests.cli.shell import Run
from tests.world import World


def test_a_rule_is_silenced_and_heard_again(run: Run, world: World):
    assert run("silence", "list")[1] == "Nothing is silenced.\n"
    code, out, err = run("silence", "add", "disk", "--for", "2h", "-m", "new disk")
    assert (code, out, err) == (0, "Silenced disk for 2h; live alerts: 1.\n", "")
    listed = run("silence", "list")[1]
    assert "new disk" in listed
    assert "ada" in listed
    (one,) = json.loads(run("silence", "list", "--json")[1])["items"]
    assert (one["rule"], one["reason"]) == ("disk", "new disk")
    assert "suppressed" in run("alert", "list", "--status", "suppressed")[1]
    assert run("silence", "end", "disk")[1] == "Ended the silence of disk; live alerts: 1.\n"
    assert "ended by ada" in run("silence", "list", "--ended")[1]
    assert "not silenced" in run("silence", "end", "disk")[2]
    assert "--for" in run("silence", "add", "disk", "--for", "soon")[2]


def test_what_matchers_match_is_previewed_silenced_extended_and_heard_again(run: Run, world: World):
    matching = ("--matcher", 'mount="/data", rule="disk"', "-M", 'mount="/gone"')
    assert "It would mute 1 alert now." in run("silence", "preview", *matching)[1]
    code, out, err = run("silence", "add", *matching, "--for", "2h", "--start", "30m", "-m", "move")
    assert (code, err, "alerts that match: 1" in out) == (0, "", True)
    (one,) = json.loads(run("silence", "list", "--json")[1])["items"]
    assert one["matchers"] == ['mount="/data", rule="disk"', 'mount="/gone"']
    listed = run("silence", "list")[1]
    assert "begins in" in listed
    assert "Moved the end" in run("silence", "extend", one["id"], "--for", "5h")[1]
    assert run("silence", "end", one["id"])[1] == "Ended the silence.\n"
    assert "ended by ada" in run("silence", "list", "--ended")[1]
    windows = ("--service", "billing", "--deployment", "nightly etl", "--weekly", "sun 02:00-04:00")
    assert run("silence", "add", *windows, "--timezone", "Europe/Berlin")[0] == 0
    (one,) = json.loads(run("silence", "list", "--json")[1])["items"]
    assert one["matchers"] == ['service="billing"', 'deployment="nightly etl"']
    assert (one["maintenance"], one["recurrence"]["weekly"]["timezone"]) == (True, "Europe/Berlin")
    listed = run("silence", "list")[1]
    assert "outside its windows" in listed or "mutes for" in listed
    for wrong, word in (
        ((*matching, "--weekly", "sunday"), "weekly window"),
        ((*matching, "--rrule", "X"), "--first"),
        ((*matching, "--rrule", "X", "--first", "2026-12-01T02:00", "--window", "2h"), "no FREQ"),
        (("disk", "--weekly", "sun 02:00-04:00"), "need --matcher"),
        (("disk", *matching), "either"), ((), "either"), (("disk", "--start", "5m"), "--matcher"),
        ((*matching, "--start", "2026-12-24T18:00"), "time zone"), (("-M", "a"), "cannot be read"),
    ):  # fmt: skip
        code, _, err = run("silence", "add", *wrong)
        assert (code != 0, word in err) == (True, True), (wrong, err)
