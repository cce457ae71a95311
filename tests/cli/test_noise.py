"""`sentinel noise`: scores, advice and what applies it."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import pytest

from sentinel.clock import FakeClock, SystemClock
from sentinel.store import Store
from tests.cli.shell import Run
from tests.store.noise_weeks import QUIET, seven_weeks
from tests.world import World


@pytest.fixture
def blips(run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight alerts of three minutes, an hour apart, on a rule of a file."""
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    clock = FakeClock(SystemClock().now() - timedelta(hours=10))
    store = Store(migrated_url, clock=clock)
    world = World(store, clock, every="60s")
    for _ in range(8):
        world.sees({"/": 95.0})
        clock.forward(minutes=3)
        world.sees({"/": 10.0})
        clock.forward(minutes=60)
    store.close()


@pytest.mark.usefixtures("blips")
def test_scores_advice_and_the_difference_of_a_file_are_printed(run: Run) -> None:
    code, out, err = run("noise", "list")
    assert code == 0, err
    assert "The fatigue score is the sum of six parts" in out
    assert ("disk" in out, "ignored 30" in out, "No alerts of people." in out) == (True, True, True)
    code, out, _ = run("noise", "show", "disk")
    assert "Raise `for` from 0s to 5m" in out
    assert "Messages of the last 7 days: 8 → 0. Nobody needed an alert of it." in out
    assert "  sentinel noise apply disk raise_for\n" in out
    found = json.loads(run("noise", "show", "disk", "--json")[1])
    assert (found["times_fired"], found["advice"][0]["kind"]) == (8, "raise_for")
    code, out, _ = run("noise", "apply", "disk", "raise_for")
    assert (code, out.splitlines()[-1]) == (0, "+    for: 5m")
    code, out, err = run("noise", "apply", "disk", "delete")
    assert (code != 0, "give no advice 'delete'" in out + err) == (True, True)
    code, out, err = run("noise", "show", "nothing")
    assert (code != 0, "there is no rule 'nothing'" in out + err) == (True, True)


def test_rules_are_listed_in_the_learned_order_with_the_reason(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    store = Store(migrated_url)
    seven_weeks(store)
    store.close()
    code, out, err = run("noise", "list")
    assert code == 0, err
    # The table of rules is under the sentence; the first of it are those nobody acts on.
    _, _, below = out.partition("Ordered by what was learned of the earlier weeks: ")
    assert [line.split()[0] in QUIET for line in below.splitlines()[2:7]] == [True] * 5, out
    found = json.loads(run("noise", "list", "--json")[1])
    assert found["ranking"]["learned"] is True
    assert found["rules"][0]["learned"] > found["rules"][-1]["learned"]
    monkeypatch.setitem(sys.modules, "sklearn", None)
    out = run("noise", "list")[1]
    assert "install the extra sentinel-alerts[learned]" in " ".join(out.split())
