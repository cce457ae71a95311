"""`sentinel alert related` and `groups`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.cli.shell import Run
from tests.databases import sqlite_copy
from tests.store.correlation.test_related import raised


def test_related_alerts_are_printed_with_their_reasons(
    run: Run, tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
):
    url = sqlite_copy(migrated_sqlite, tmp_path / "here.db")
    monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
    clock = FakeClock()
    store = Store(url, clock=clock)
    assert "No open alerts belong together." in run("alert", "groups")[1]
    first = raised(store, clock, "a", rack="r1")
    second = raised(store, clock, "b", rack="r1")
    code, out, err = run("alert", "related", first)
    assert (code, second[:12] in out, "60 s later" in out, "rack=r1" in out) == (
        0, True, True, True,
    ), err  # fmt: skip
    code, out, err = run("alert", "groups")
    assert (code, first[:12] in out, "a, b" in out) == (0, True, True), err
    code, out, err = run("alert", "candidates", first)
    assert (code, "Nothing is known to have changed" in out) == (0, True), err
    store.close()
