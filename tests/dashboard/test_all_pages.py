"""What holds on every page: where it stands, whom it takes you for, and that it can be acted on."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.blotter import script
from sentinel.alerts.actions import Acknowledge
from sentinel.settings import settings
from tests.dashboard.scene import APP, Scene, given, says, shown

PAGES = {
    "live.py": "Operate", "inbox.py": "Operate", "incidents.py": "Operate",
    "oncall.py": "Operate", "silences.py": "Operate",
    "escalations.py": "Operate",
    "logs.py": "Observe", "traces.py": "Observe", "services.py": "Observe",
    "slos.py": "Observe", "limits.py": "Observe", "usage.py": "Observe",
    "requests.py": "Observe", "consumer_keys.py": "Observe",
    "rules.py": "Configure",
    "receivers.py": "Configure", "routing.py": "Configure",
    "overview.py": "Review", "analytics.py": "Review", "boards.py": "Review",
    "history.py": "Review", "compare.py": "Review", "audit.py": "Review",
    "log.py": "System", "health.py": "System", "people.py": "System", "settings.py": "System",
}  # fmt: skip
WITHOUT_STREAMLIT = (
    "access_commands", "alert_commands", "alert_row", "analytics_view", "board_commands",
    "board_figures", "calendar_weeks", "commands", "configuration",
    "configuration_commands", "connection_check", "consumer_key_commands", "data",
    "database_errors",
    "document_commands", "escalation_view", "export_columns",
    "export_files", "history_query", "incident_commands",
    "incident_view", "key_commands", "limit_commands", "live_api", "live_filter", "markup",
    "noise_commands", "oncall_commands", "oncall_view", "page_tokens", "readings_chart", "reports",
    "response_cache", "rollout_commands", "routing_view", "rule_commands", "rule_trial",
    "serializers", "silence_commands", "silence_view", "service_map", "slo_commands",
    "slo_fields", "slo_standings", "slo_view", "telemetry_query",
    "telemetry_searches",
    "template_commands", "view_models",
)  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_an_alert_is_worked_on_from_every_page(scene: Scene, page: AppTest, name: str):
    """Its drawer lies over each of them: acknowledged there, read back from the store, undone."""
    wanted = scene.raises("disk")
    page.run().switch_page(name).run()
    shown(page)

    def asks(command: dict[str, Any]) -> dict[str, Any]:
        says(page, "drawer", open=wanted, commands=[{"items": [], **command}])
        return given(page, "drawer")

    told = asks({"id": "c1", "op": "acknowledge", "items": [[wanted, 1]], "comment": "on it"})
    assert told["alert"]["status"] == "acknowledged"
    kept = scene.store.alerts.get(wanted)
    assert (kept.status, kept.acknowledged_by) == ("acknowledged", "maria")
    assert kept.acknowledge_comment == "on it"
    asks({"id": "c2", "op": "undo", "of": "c1"})
    assert scene.store.alerts.get(wanted).status == "open"


def test_every_page_says_whom_it_takes_you_for(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_USER", "<b>lena</b>")
    settings.cache_clear()
    assert "Acting as <b>&lt;b&gt;lena&lt;/b&gt;</b>" in shown(page.run())
    for name in PAGES:
        assert "Acting as" in shown(page.switch_page(name).run())


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("history.py", "Opened"),
        ("rules.py", "Last evaluation"),
        ("audit.py", "Time"),
        ("log.py", "Time"),
    ],
)
def test_moments_in_tables_are_those_of_whoever_looks(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch, name: str, column: str
):
    scene.store.act([scene.raises("disk")], Acknowledge(actor="lena"))
    scene.store.log.write("info", "x", "y")
    monkeypatch.setattr("dashboard.session.zone", lambda: "Asia/Tokyo")
    shown(page.run().switch_page(name).run())
    assert str(page.dataframe[0].value[column].dt.tz) == "Asia/Tokyo"


NAMED = {"↓": "ArrowDown", "↑": "ArrowUp", "←": "ArrowLeft", "→": "ArrowRight", "Space": " "}
ELSEWHERE = {
    "Esc",
    "–",
    "1",
    "5",
    "Ctrl",
    "⇧J",
    "⇧K",
    "⇧A",
    "⇧M",
    "⇧E",
    "⇧X",
    "⇧T",
    "⇧S",
    "⇧N",
    "U",
    "Z",
}
"""Keys of more than one meaning; browser tests press each of them."""


def test_every_key_on_the_sheet_does_something():
    program = script("blotter")
    sheet = program[program.index("const HELP") : program.index("function bindKeys")]
    shown_keys = {key for keys in re.findall(r'\["([^"]+)", "', sheet) for key in keys.split(" ")}
    bound = program[program.index("const keys = {") : program.index("const onKey = ")]
    assert {"J", "Enter", "?", "G", "N"} <= shown_keys
    names = {name for found in re.findall(r'"([^"]+)"|(\w+): |\.(\w+) =', bound) for name in found}
    for key in shown_keys - ELSEWHERE:
        assert NAMED.get(key, key.lower() if len(key) == 1 else key) in names, key


@pytest.mark.slow
def test_what_reads_and_acts_can_be_used_without_streamlit():
    """Other ways to show it may stand on the same."""
    names = ", ".join(f"dashboard.{name}" for name in WITHOUT_STREAMLIT)
    program = f"import sys, {names}; sys.exit('streamlit' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=APP.parents[2])
    assert done.returncode == 0
