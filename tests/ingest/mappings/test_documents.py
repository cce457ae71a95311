"""Mappings that people write: what is read, and what is refused and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.checks.reading import checked
from sentinel.errors import ConfigurationError, NotFound, SampleError
from sentinel.ingest.mappings.apply import mapped
from sentinel.ingest.mappings.catalog import Catalog
from sentinel.ingest.mappings.document import mapping_of
from sentinel.ingest.mappings.envelopes import cloud_events

MINE = """
name: mine
each: body.checks
labels: {check: item.name}
firing: item.state != "ok"
severity: {of: item.level, table: {page: critical}, default: low}
title: item.name + " is " + item.state
value: item.value
"""
LIST = {
    "checks": [
        {"name": "disk", "state": "bad", "level": "page", "value": "97"},
        {"name": "cpu", "state": "ok", "level": "mail"},
        {"state": "bad"},
        {"name": "ram", "state": 3},
    ]
}


def test_each_item_of_a_list_is_an_alert_and_what_cannot_be_mapped_costs_no_other():
    made = mapped(mapping_of(MINE, "mine.yaml"), LIST, {}).arrived
    assert [(one.labels["check"], one.firing, one.severity) for one in made.readings] == [
        ("disk", True, "critical"), ("cpu", False, "low"),
    ]  # fmt: skip
    assert (made.readings[0].value, made.readings[0].summary) == (97, "disk is bad")
    assert [(one.index, one.field) for one in made.refused] == [(2, "labels"), (3, "title")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: mine", "labels"),
        ("name: Mine\nlabels: {a: body.a}", "name"),
        ("name: mine\nlabels: {a: body.a}\ncolour: red", "colour"),
        ("name: mine\nlabels: {a: boddy.a}", "labels.a"),
        ("name: mine\nlabels: {a: body.a}\nfiring: body.a ==", "firing"),
        ("name: mine\nlabels: {a: body.a}\nseverity: {of: body.b, table: {x: loud}}", "severity"),
        ("name: mine\nlabels: {a: body.a}\nrepeat_interval: often", "repeat_interval"),
        ("[1, 2]", "no YAML with names"),
        ("name: [", "no YAML"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_by_its_field(text: str, words: str):
    with pytest.raises(ConfigurationError, match=words):
        mapping_of(text, "mine.yaml")


def test_a_folder_adds_mappings_is_read_again_and_a_file_that_is_wrong_breaks_itself_alone(
    tmp_path: Path,
):
    catalog = Catalog(tmp_path)
    with pytest.raises(NotFound, match="mine"):
        catalog.get("mine")
    (tmp_path / "mine.yaml").write_text(MINE)
    (tmp_path / "broken.yaml").write_text("name: [")
    assert catalog.get("mine").document.name == "mine"
    with pytest.raises(ConfigurationError, match="broken"):
        catalog.get("broken")
    (tmp_path / "mine.yaml").write_text(MINE.replace("name: mine", "name: github"))
    assert catalog.get("github").document.each == "body.checks"
    assert {one.name for one in catalog.all() if not one.shipped} == {"github", "broken"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["data", "body", "action", "msg", "name", "status", "heartbeat", "object_"
                         "attributes", "state", "title", "message", "workflow_run", "\0"]),
        inner, max_size=5,
    ),
    max_leaves=15,
)  # fmt: skip


@given(JSON)
def test_any_body_is_mapped_ignored_or_refused_by_every_shipped_mapping(body: Any):
    headers = {"x_github_event": "workflow_run", "sentry_hook_resource": "issue"}
    for one in Catalog().all():
        assert one.mapping is not None
        try:
            made = mapped(one.mapping, body, headers)
        except SampleError:
            continue
        for reading in made.arrived.readings:
            checked(reading)


def test_cloud_events_are_the_same_in_each_mode():
    plain = b'{"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": {"x": 1}}'
    kind = {"content_type": "application/cloudevents+json; charset=utf-8"}
    (structured,) = cloud_events(plain, kind)
    batch = {"content_type": "application/cloudevents-batch+json"}
    assert cloud_events(b"[" + plain + b"]", batch) == [structured]
    headers = {
        "ce_specversion": "1.0", "ce_id": "1", "ce_source": "/a", "ce_type": "t",
        "content_type": "application/json",
    }  # fmt: skip
    (binary,) = cloud_events(b'{"x": 1}', headers)
    assert binary == structured | {"datacontenttype": "application/json"}
    (percent,) = cloud_events(b"", {**headers, "ce_subject": "Euro%20%E2%82%AC"})
    assert percent["subject"] == "Euro €"
    (octets,) = cloud_events(b"\xff", {**headers, "content_type": "image/png"})
    assert octets["data_base64"] == "/w=="


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"{}", "id"),
        (b'{"specversion": "0.3", "id": "1", "source": "a", "type": "t"}', "specversion"),
        (b'[{"specversion": "1.0"}]', "id"),
        (b"[3]", "event"),
    ],
)
def test_what_is_no_cloud_event_is_refused_by_its_field(body: bytes, field: str):
    with pytest.raises(SampleError) as refused:
        cloud_events(body, {"content_type": "application/cloudevents+json"})
    assert refused.value.field == field
