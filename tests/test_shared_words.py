"""Severities, durations, fingerprints, templates, readings and rules: the small words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel import Reading, Rule
from sentinel.checks.reading import checked
from sentinel.clock import utc
from sentinel.duration import format_duration, parse_duration
from sentinel.errors import ReadingError
from sentinel.labels.fingerprint import fingerprint
from sentinel.severity import Severity, severity_of
from sentinel.template import render, taken_by_prefect


def test_aliases_mean_ours_and_unknown_words_are_named():
    assert severity_of("Emergency") is Severity.CRITICAL
    assert severity_of("warning") is Severity.MEDIUM
    with pytest.raises(ValueError, match="'urgent' is none of critical"):
        severity_of("urgent")


def test_the_word_given_is_kept_and_given_back():
    rule = Rule(name="a", severity="EMERGENCY")  # type: ignore[arg-type]
    assert (rule.severity, rule.rank) == ("emergency", Severity.CRITICAL)
    assert rule.dump()["severity"] == "emergency"


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3000)))
def test_a_duration_survives_being_written(length: timedelta):
    rounded = timedelta(milliseconds=round(length.total_seconds() * 1000))
    assert parse_duration(format_duration(rounded)) == rounded


@pytest.mark.parametrize("text", ["", "5", "5m", "1h30m", " 2 m ", "0.5s", 3, 2.5])
def test_durations_people_write(text: object):
    if text == "":
        with pytest.raises(ValueError, match="not a duration"):
            parse_duration(text)
    else:
        assert parse_duration(text) > timedelta(0)


@pytest.mark.parametrize("text", ["-5s", "5 minutes", "1e3s", True, None, "99999d", float("nan")])
def test_what_is_no_duration_is_refused(text: object):
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


labels = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)


@given(labels, labels)
def test_two_fingerprints_agree_only_for_the_same_labels(one: dict[str, str], two: dict[str, str]):
    same = fingerprint("t", "r", one) == fingerprint("t", "r", two)
    assert same == (one == two)
    assert fingerprint("t", "r", dict(reversed(list(one.items())))) == fingerprint("t", "r", one)


def test_a_template_fills_what_it_knows_and_shows_what_it_does_not():
    fields = {"value": 97.25, "labels": {"mount": "/data", "a.b": "dotted"}}
    assert render("{labels.mount} at {value} {nope}", fields) == "/data at 97.25 {nope}"
    assert render("{labels.a.b}", fields) == "dotted"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{value:.1f}", "1234.6"),
        ("{value:,.0f} rows", "1,235 rows"),
        ("{share:.1%}", "12.3%"),
        ("{value:.3g}", "1.23e+03"),
        ("{value:d}", "1235"),
        ("{host:.1f}", "web-1"),
        ("{gone:.1f}", "{gone:.1f}"),
        ("{value:x}", "{value:x}"),
        ("{value!r}", "{value!r}"),
        ("{nothing:d}", "nan"),
        ("order {order}", "order 9007199254740993"),
        ("{vast} {vast:.1f}", "over 1e308 over 1e308"),
    ],
)
def test_a_number_is_written_as_its_template_says(template: str, said: str):
    fields = {
        "value": 1234.5678, "share": 0.1234, "host": "web-1", "nothing": float("nan"),
        "order": 9007199254740993, "vast": 10**400,
    }  # fmt: skip
    assert render(template, fields) == said


EVENT: dict[str, Any] = {
    "recs": [{"user": "ann", "n": 1}, {"user": "bo"}], "@l": "Error", "@timestamp": "06:30",
    "a.b": "dotted", "none": None, "ok": True, "o": {"k": [1, None]}, "tags": ["x", 5],
    "user name": "Ann", "labels": {"mount": "/data"}, "value": 97.25,
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{recs.0.user} {recs.1.user}", "ann bo"),
        ("{recs.user}", "ann, bo"),
        ("{recs.7.user} {recs.0.nope}", "{recs.7.user} {recs.0.nope}"),
        ("{@l} {@timestamp} {a.b} {user name}", "Error 06:30 dotted Ann"),
        ("{none} {ok} {o} {tags}", 'null true {"k":[1,null]} ["x",5]'),
        ('{"json": 1} {} {see the docs}', '{"json": 1} {} {see the docs}'),
        ("{{ $labels.mount }} {{ $value }} {{ value }}", "/data 97.25 97.25"),
        ("{{$value | humanize}} {{ .Labels.mount }} {{- @l -}}", "97.25 /data Error"),
        ("{{ range . }} {{ $nope }} {{ nope }}", "{{ range . }} {{ $nope }} {nope}"),
    ],
)
def test_a_template_says_what_conditions_find_in_json_s_words(template: str, said: str):
    assert render(template, EVENT) == said


def test_what_prefect_would_remove_is_known_with_what_to_write():
    text = (
        "{{ $labels.mount }} {{ mount }} {{ $HOST }} {{ prefect.variables.x }} {{ if a }} {value}"
    )
    assert taken_by_prefect(text) == [
        ("{{ $labels.mount }}", "{labels.mount}"), ("{{ mount }}", "{mount}"), ("{{ if a }}", ""),
    ]  # fmt: skip


@given(st.text(max_size=200))
def test_a_template_never_raises_and_reaches_nothing_but_its_fields(text: str):
    assert "object at 0x" not in render(text, {"value": 1, "rule": object.__name__})


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        ({"value": 3}, "must yield Reading"),
        (Reading(labels={"a": "b"}), "neither value nor firing"),
        (Reading(value=float("nan")), "is nan"),
        (Reading(value=float("inf")), "is inf"),
        (Reading(value="x"), "no number"),  # type: ignore[arg-type]
        (Reading(labels={"a": ["b"]}, value=1), "must be text"),  # type: ignore[dict-item]
        (Reading(labels={"a": "b" * 300}, value=1), "longer than"),
        (Reading(labels={str(n): "x" for n in range(100)}, value=1), "at most 64"),
        (Reading(value=1, at=datetime(2026, 1, 1)), "timezone"),  # noqa: DTZ001 - that is the point
    ],
)
def test_nonsense_is_refused_naming_the_field(reading: object, says: str):
    with pytest.raises(ReadingError, match=says):
        checked(reading)


def test_numbers_in_labels_become_text_and_whole_readings_pass_untouched():
    assert checked(Reading(labels={"cpu": 3}, value=1)).labels == {"cpu": "3"}  # type: ignore[dict-item]
    fine = Reading(labels={"a": "b"}, value=1.0, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert checked(fine) is fine


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "Has Spaces"}, "must be at most 100 small letters"),
        ({"name": "a", "severity": "urgent"}, "severity"),
        ({"name": "a", "for": "soon"}, "not a duration"),
        ({"name": "a", "renamed_from": "a"}, "another name"),
        ({"name": "a", "every": "0s"}, "1s or more"),
        ({"name": "a", "consecutive": 0}, "greater than or equal to 1"),
        ({"name": "a", "treshold": 3}, "Extra inputs"),
    ],
)
def test_an_invalid_rule_is_refused_with_the_reason(given: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        Rule.model_validate(given)


def test_a_rule_survives_being_written_as_json():
    rule = Rule.model_validate(
        {"name": "a", "for": "5m", "when": {"levels": {"high": 80, "critical": 95}}, "every": 60}
    )
    assert rule.dump()["for"] == "5m"
    assert Rule.model_validate(rule.dump()) == rule


def test_prefects_own_moments_keep_their_timezone():
    pendulum = pytest.importorskip("pendulum")  # Prefect uses it up to Python 3.12
    given = pendulum.datetime(2026, 3, 1, tz="Europe/Paris")
    moment = utc(given)
    assert type(moment) is datetime
    assert (moment + timedelta(minutes=1)).tzinfo is UTC
    assert moment == given


@pytest.mark.parametrize("given", ["9000d", "P9000D", "400000000000"])
def test_a_duration_that_is_too_long_is_named_as_it_was_written(given: str):
    with pytest.raises(ValueError, match=f"'{given}' is not a duration between 0 and ten years"):
        parse_duration(given)
