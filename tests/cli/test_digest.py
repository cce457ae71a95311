"""`sentinel digest show` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.shell import Run
from tests.world import World

ONCALL = """
people: {ada: {notify: [{receiver: default}]}}
teams: {db: {people: [ada], digest: {at: "00:00", receivers: [default]}}}
"""


def test_a_digest_is_previewed(run: Run, world: World, tmp_path: Path):
    file = tmp_path / "oncall.yaml"
    file.write_text(ONCALL, "utf-8")
    assert run("oncall", "apply", str(file))[0] == 0
    code, out, _ = run("digest", "show", "db", "--at", "2026-01-07T12:00+01:00")
    assert (code, out.splitlines()[0]) == (0, "[digest] db: 0 alerts, 0 still open")
    assert "From Tue 2026-01-06 00:00 to Wed 2026-01-07 00:00 (UTC)" in out
    found = json.loads(run("digest", "show", "db", "--json")[1])
    assert found["team"] == "db"
    code, _, err = run("digest", "show", "web")
    assert (code, "Teams with one: db" in err) == (3, True)
