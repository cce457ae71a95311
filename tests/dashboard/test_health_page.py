"""The health page: what components reported, read back, and who may see it."""

from __future__ import annotations

from datetime import timedelta

from streamlit.testing.v1 import AppTest

from sentinel.engine.intake_health import note_intake
from sentinel.store.database.component_reports import report
from tests.dashboard.scene import Scene, shown


def test_each_component_has_its_state_and_what_to_do(scene: Scene, page: AppTest):
    report(scene.store, "work pool", "wrong", "has no <worker>", "Start one: sentinel worker")
    page.run().switch_page("health.py").run()
    text = shown(page)
    assert "2 of 19 down" in text  # no relay runs either
    assert '<li class="component is-wrong"><h2>Work pool<small>Down</small></h2>' in text
    assert "has no &lt;worker&gt;" in text
    assert "Start one: sentinel worker" in text
    assert "Ask for it: sentinel doctor" in text
    report(scene.store, "telemetry", "warning", "merges do not keep up", "Send larger batches.")
    scene.store.leases.take("relay", "host:1", timedelta(minutes=1))
    report(scene.store, "work pool", "ok", "sentinel, a worker polls it")
    text = shown(page.run())
    assert ("merges do not keep up" in text, "Send larger batches." in text) == (True, True)
    assert "19 components, none is down" in text


def test_it_says_when_something_of_each_kind_was_taken_last(scene: Scene, page: AppTest):
    note_intake(scene.store, "heartbeats")
    page.run().switch_page("health.py").run()
    cards = shown(page).partition("Last intake")[2]
    assert cards.count('<li class="component') == 7
    assert '<li class="component is-ok"><h2>Heartbeats<small>OK</small></h2><p>come</p>' in cards
    assert '<li class="component is-note"><h2>Logs<small>Note</small></h2>' in cards
    assert "docs/how-to/send-telemetry.md" in cards
