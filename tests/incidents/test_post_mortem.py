"""Figures of incidents, and post-mortems."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sentinel.incidents.figures import figures_of, timed
from sentinel.incidents.post_mortem import ActionItem, Facts, post_mortem, time_in_words
from sentinel.incidents.state import Incident, Status
from sentinel.incidents.timeline import Entry, in_order, words_of

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def incident(**more: Any) -> Incident:
    one = Incident(
        id="1" * 32, tenant="default", title="Checkout | is *down*", severity=5, opened_at=NOW,
        updated_at=NOW, roles={"commander": "ann", "scribe": "ben"},
    )  # fmt: skip
    return msgspec.structs.replace(one, **more)


def test_means_are_of_those_that_were_acknowledged_and_resolved():
    none = timed(incident(), None)
    by_person = timed(incident(acknowledged_at=at(8), resolved_at=at(60)), None)
    by_alert = timed(incident(acknowledged_at=at(8), severity=2), at(4))
    before = timed(incident(resolved_at=at(30)), at(-10))
    found = figures_of([none, by_person, by_alert, before])
    assert (found.opened, found.open, found.acknowledged, found.resolved) == (4, 2, 3, 2)
    assert (found.mtta, found.mttr) == ((8 + 4 + 0) * 60 / 3, 45 * 60)
    assert found.by_severity == {"critical": 3, "high": 0, "medium": 0, "low": 1, "info": 0}
    nothing = figures_of([])
    assert (nothing.mtta, nothing.mttr) == (None, None)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.6, "1 min"), (3600, "1 h"), (7505, "2 h 5 min"), (90061, "1 d 1 h")],
)
def test_lengths_of_time_have_two_units(seconds: float, said: str):
    assert time_in_words(seconds) == said


def test_it_has_the_true_times_and_what_people_left():
    one = incident(
        status=Status.RESOLVED, acknowledged_at=at(2), resolved_at=at(65), reopened=1,
        root_cause="A full disk.",
    )  # fmt: skip
    entry = Entry(id="a", at=at(1), source="alert", kind="opened", text="disk | full", alert_id="x")
    said = post_mortem(
        Facts(
            incident=one, timed=timed(one, None), timeline=[entry],
            actions=[ActionItem(id="b", title="Watch disks", owner="ben", due=date(2026, 12, 24),
                                created_at=NOW)],
            alerts=["disk"], alert_count=3, first_alert_at=at(-1),
        )
    )  # fmt: skip
    assert said.startswith("# Post-mortem: Checkout \\| is \\*down\\*\n")
    for line in (
        "| Severity | sev1 (critical) |", "| Commander | ann |", "| Scribe | ben |",
        "| First bad | 2026-11-30 11:59:00 |  |", "| Acknowledged | 2026-11-30 12:02:00 | 2 min |",
        "| Resolved | 2026-11-30 13:05:00 | 1 h 5 min |", "It reopened once.", "A full disk.",
        "- and 2 more", "| 2026-11-30 12:01:00 | – | disk \\| full |",
        "- [ ] Watch disks, ben, due 2026-12-24",
    ):  # fmt: skip
        assert f"{line}\n" in said


@given(st.text(min_size=1))
def test_no_text_of_an_alert_makes_another_line_or_heading(title: str):
    one = incident(title=title)
    said = post_mortem(
        Facts(incident=one, timed=timed(one, None), timeline=[], actions=[], alerts=[],
              alert_count=0, first_alert_at=None)
    )  # fmt: skip
    tokens = MarkdownIt("commonmark").parse(said)
    heads = [tokens[place + 1] for place, one in enumerate(tokens) if one.type == "heading_open"]
    assert len(heads) == 9
    assert {child.type for child in heads[0].children or []} <= {"text", "text_special"}


def test_entries_of_one_moment_are_in_the_order_in_which_they_were_written():
    entries = [
        Entry(id=id_, at=at(minute), source="incident", kind="update", text="")
        for id_, minute in (("c", 1), ("b", 1), ("a", 2))
    ]
    assert [one.id for one in in_order(entries)] == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("opened", {"policy": "p", "severity": 5}, "opened by the policy p as critical (sev1)"),
        ("status", {"before": "identified", "after": "resolved"},
         "changed the status from identified to resolved"),
        ("alerts_added", {"count": 3, "titles": ["a", "b"]}, "gathered 3 alerts: a; b and 1 more"),
        ("assigned", {"person": "ann", "role": "commander"}, "made ann commander"),
        ("assigned", {"person": ""}, "assigned it to nobody"),
        ("step_ended", {"number": 2, "title": "restart", "run": "r", "state": "Completed"},
         "the run r of step 2, restart, ended: Completed"),
        ("of a newer version", {}, "of a newer version"),
    ],
)  # fmt: skip
def test_an_entry_says_what_happened(kind: str, data: dict[str, Any], said: str):
    assert words_of(kind, data) == said
