"""`sentinel silence …`."""

from __future__ import annotations

import json

from tests.cli.shell import Run
from tests.world import World


def test_a_rule_is_silenced_and_heard_again(run: Run, world: World):
    assert run("silence", "list")[1] == "No rule is silenced.\n"
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
