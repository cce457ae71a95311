"""What a run says of itself."""

from __future__ import annotations

from datetime import UTC, datetime

from flows.report import artifact_key, changes_artifact, rehearsal_artifact, run_name
from sentinel import Reading, Rule, above
from sentinel.checks.observation import Observation
from sentinel.evaluation.judge import judge_all
from sentinel.evaluation.model import AlertChange, Applied, Evaluation, Finding
from sentinel.links import Addresses

PLACES = Addresses(
    dashboard="http://d.example", prefect_api="http://p.example/api", prefect_ui="http://p.example"
)


def changed(title: str, alert_id: str = "a1") -> AlertChange:
    return AlertChange(
        alert_id=alert_id, title=title, severity="high", reason="opened", status="open"
    )


def finding(title: str) -> Finding:
    return Finding(title=title, severity="high", value=97.0, labels={})


def test_a_flow_run_is_named_after_its_result():
    worst = finding("disk-space: /data 97 percent")
    name = run_name("disk-space", Applied(outcome="firing", seen=3, bad=1, live=1, worst=worst))
    assert name == "disk-space · firing 1 of 3 (/data 97 percent)"


def test_a_flow_run_without_firing_series_is_ok():
    assert run_name("disk-space", Applied(outcome="ok", seen=3)) == "disk-space · ok, 3 series"


def test_a_pending_series_is_named_pending():
    applied = Applied(outcome="ok", seen=1, bad=1, worst=finding("cpu: 99 percent"))
    name = run_name("cpu", applied)
    assert name == "cpu · ok, 1 of 1 pending (99 percent)"


def test_a_check_that_failed_is_named_for_its_error():
    applied = Applied(outcome="error", error="OSError: gone")
    name = run_name("disk-space", applied, error=OSError("no such device\nand more"))
    assert name == "disk-space · error (OSError: no such device)"


def test_a_long_title_does_not_make_a_long_name():
    applied = Applied(outcome="firing", seen=1, bad=1, live=1, worst=finding("x" * 1000))
    name = run_name("r", applied)
    assert len(name) == 180
    assert name.endswith("…")


def test_a_key_is_one_that_prefect_takes():
    assert artifact_key("disk_space.A-1") == "sentinel-disk-space-a-1"


def test_the_artifact_links_every_alert_that_changed():
    applied = Applied(outcome="firing", seen=3, bad=1, live=1, changed=1, changes=[changed("Full")])
    text = changes_artifact("disk-space", applied, PLACES)
    assert "[Full](http://d.example/?alert=a1) | high | open | opened" in text


def test_text_of_a_check_is_not_markup():
    applied = Applied(outcome="firing", changed=1, changes=[changed("![x](http://evil)|<b>\nrow")])
    row = changes_artifact("r", applied, PLACES).splitlines()[-1]
    assert "![x](" not in row
    assert "<b>" not in row.replace("\\<b\\>", "")
    assert row.count(" | ") == 3


def test_a_storm_is_counted_not_listed():
    changes = [changed(f"t{n}", f"a{n}") for n in range(100)]
    applied = Applied(outcome="firing", changed=20_000, changes=changes)
    assert "and 19,900 more" in changes_artifact("r", applied, PLACES)


def test_a_rehearsal_keeps_readings_and_verdicts_firing_ones_first():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    readings = [Reading(labels={"mount": f"/{n}"}, value=float(n)) for n in (10, 99)]
    evaluation = Evaluation(
        rule=Rule(name="r", when=above(90)),
        trigger="t",
        slot=now,
        at=now,
        observation=Observation(readings=readings, not_seen=[{"mount": "/gone"}]),
        unit="percent",
    )
    text = rehearsal_artifact(evaluation, list(judge_all(evaluation, {}).values()))
    assert "1 of 2 series firing" in text
    assert text.index("mount=/99 | 99 percent | firing") < text.index("mount=/10 | 10 percent | OK")
    assert "not observed: mount=/gone" in text
