"""The rule of a status page's states, the days of its components, and what HTML and Atom show."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.services.status_html import ComponentNow, PageNow, atom_of, html_of
from sentinel.services.status_page import (
    Component,
    Day,
    Level,
    PublicIncident,
    PublicUpdate,
    day_of,
    days_between,
    down_seconds,
    level_of,
    page_from_yaml,
    page_to_yaml,
    status_page_of,
    uptime,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PAGE = {"name": "shop", "title": "Shop", "components": [{"service": "checkout"}]}
ATOM = "{http://www.w3.org/2005/Atom}"


def incident(severity: int = 5, **more: Any) -> PublicIncident:
    fields: dict[str, Any] = {"opened_at": NOW - timedelta(hours=1), "resolved_at": None}
    fields = {**fields, "updates": [], **more}
    return PublicIncident(
        id="i", title=fields.pop("title", ""), service="checkout", status="investigating",
        severity=severity, **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("severities", "alert", "burning", "maintained", "level"),
    [
        ([], 0, False, False, Level.OPERATIONAL),
        ([5], 0, False, False, Level.MAJOR_OUTAGE),
        ([4], 0, False, False, Level.PARTIAL_OUTAGE),
        ([3, 1], 0, False, False, Level.DEGRADED),
        ([], 5, False, False, Level.PARTIAL_OUTAGE),
        ([], 4, False, False, Level.DEGRADED),
        ([], 3, False, False, Level.OPERATIONAL),
        ([], 0, True, False, Level.DEGRADED),
        ([], 5, True, True, Level.MAINTENANCE),
        ([4], 5, True, True, Level.PARTIAL_OUTAGE),
    ],
)
def test_a_component_is_as_bad_as_the_worst_that_the_page_shows(
    severities: list[int], alert: int, burning: bool, maintained: bool, level: Level
):
    incidents = [incident(one) for one in severities]
    assert level_of(incidents, alert, burning=burning, maintained=maintained) is level


def test_an_incident_that_is_resolved_counts_for_its_days_alone():
    over = incident(resolved_at=NOW - timedelta(minutes=30))
    assert level_of([over]) is Level.OPERATIONAL
    day = day_of(Day(day=NOW.date(), worst=Level.OPERATIONAL, seen=3600.0), [over], NOW)
    assert (day.worst, day.down) == (Level.MAJOR_OUTAGE, 1800)
    assert uptime([day]) == 0.5
    before = day_of(Day(day=NOW.date() - timedelta(days=1)), [over], NOW)
    assert (before.worst, before.down) == (None, 0)


def test_what_nobody_saw_is_no_uptime():
    assert uptime([Day(day=NOW.date())]) is None


@given(
    st.lists(st.tuples(st.integers(-3000, 3000), st.integers(0, 3000), st.sampled_from([3, 4, 5]))),
    st.integers(0, 6),
)
def test_overlapping_outages_count_each_second_once(spans: list[tuple[int, int, int]], back: int):
    day = NOW.date() - timedelta(days=back)
    found = [
        incident(severity, opened_at=NOW + timedelta(minutes=start),
                 resolved_at=NOW + timedelta(minutes=start + length))
        for start, length, severity in spans
    ]  # fmt: skip
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    minutes = {
        minute
        for one in found
        if one.severity >= 4
        for minute in range(1440)
        if one.opened_at <= start + timedelta(minutes=minute) < (one.resolved_at or NOW)
        and start + timedelta(minutes=minute) < NOW
    }
    assert down_seconds(found, day, NOW) == 60 * len(minutes)


def test_ninety_days_end_today():
    days = days_between(NOW.date())
    assert (len(days), days[0], days[-1]) == (90, date(2026, 9, 2), NOW.date())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Shop"}, "name"),
        ({"components": []}, "components"),
        ({"components": [{"service": "a"}, {"service": "a"}]}, "two are of the service 'a'"),
        ({"show": ["alerts", "alerts"]}, "names one twice"),
        ({"show": ["logs"]}, "show"),
        ({"titel": "x"}, "titel"),
    ],
)
def test_what_is_no_status_page_is_refused_by_its_field(change: dict[str, Any], said: str):
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        status_page_of(PAGE | change)


def test_a_page_is_the_same_in_yaml():
    page = status_page_of(PAGE | {"public": True, "show": ["slos"]})
    assert page_from_yaml(page_to_yaml(page)) == page
    with pytest.raises(ConfigurationError, match="no status page"):
        page_from_yaml("{}")


def shown(incidents: list[PublicIncident], **more: Any) -> PageNow:
    days = [Day(day=one, worst=Level.OPERATIONAL, seen=86400.0) for one in days_between(NOW.date())]
    fields: dict[str, Any] = {
        "page": status_page_of(PAGE), "incidents": incidents, "maintenance": [], "at": NOW,
        "address": "https://status.example.org/status/shop",
        "components": [
            ComponentNow(
                component=Component(service="checkout", title="Pay & <go>"),
                level=level_of(incidents), days=days,
            )
        ],
    }  # fmt: skip
    return PageNow(**(fields | more))


def test_the_page_escapes_what_people_wrote_and_asks_nobody_for_anything():
    update = PublicUpdate(id="u1", at=NOW, text="Some <script>alert(1)</script> & more")
    html = html_of(shown([incident(updates=[update])]))
    assert "<script" not in html
    assert "Some &lt;script&gt;" in html
    assert "Incident affecting Pay &amp; &lt;go&gt;" in html
    assert html.count("<rect") == 90
    assert "Major outage" in html
    assert not re.search(r"""(src|href|action|url)\s*[=(]\s*["']?(https?:|//)""", html)


def test_a_share_is_never_rounded_up_to_all_of_it():
    days = [Day(day=NOW.date(), worst=Level.MAJOR_OUTAGE, seen=86400.0, down=0.2)]
    page = shown([])
    component = ComponentNow(component=page.components[0].component, level=Level(0), days=days)
    assert "99.999 % up" in html_of(shown([], components=[component]))


@given(st.text(max_size=200), st.text(max_size=100))
def test_the_feed_is_xml_with_each_update_whatever_people_wrote(text: str, title: str):
    updates = [
        PublicUpdate(id=f"u{number}", at=NOW - timedelta(minutes=number), text=text)
        for number in range(3)
    ]
    feed = ElementTree.fromstring(atom_of(shown([incident(title=title, updates=updates)])))
    entries = feed.findall(f"{ATOM}entry")
    ids = [one.findtext(f"{ATOM}id") for one in entries]
    assert ids == [f"urn:sentinel:update:u{number}" for number in range(3)]
    assert feed.findtext(f"{ATOM}updated") == "2026-11-30T12:00:00Z"
    assert all(one.find(f"{ATOM}link") is not None for one in entries)
