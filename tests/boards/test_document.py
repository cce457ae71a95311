"""The document of a custom dashboard: read strictly, and the same after a trip through YAML."""

from __future__ import annotations

import pytest

from sentinel.boards.document import KINDS, MOST_TILES, board_of, from_yaml, to_yaml
from sentinel.errors import ConfigurationError

WHOLE = """\
tiles:
- kind: count
  title: Critical
  search: severity:critical team:"db ü"
- kind: trend
  width: 2
  length: 7d
- kind: table
  view: q=team%3Adb&severity=critical
  rows: 5
- kind: metric
  width: 3
  metric: rule:cpu
  tenant: acme
- kind: oncall
  schedules:
  - primary
- kind: slo
  slo: checkout
- kind: slo
  search: team pay
"""


def test_a_document_with_every_kind_is_the_same_after_a_trip_through_yaml():
    document = from_yaml(WHOLE)
    assert {one.kind for one in document.tiles} == set(KINDS)
    assert to_yaml(document) == WHOLE
    assert from_yaml(to_yaml(document)) == document
    assert board_of(document.model_dump(mode="json")) == document


def test_a_whole_number_may_be_written_as_a_decimal():
    (tile,) = from_yaml("tiles: [{kind: table, rows: 5.0, width: 2.0}]").tiles
    assert tile.model_dump(include={"rows", "width"}) == {"rows": 5, "width": 2}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tiles: [{kind: clock}]", "dashboard.tiles.0"),
        ("tiles: [{title: a}]", "dashboard.tiles.0: must have a type"),
        ("tiles: [{kind: count, serach: a}]", "serach"),
        ("tiles: [{kind: trend, length: 1y}]", "dashboard.tiles.0.trend.length"),
        ("tiles: [{kind: table, rows: 101}]", "100"),
        ("tiles: [{kind: table, rows: '5'}]", "whole number"),
        ("tiles: [{kind: metric}]", "dashboard.tiles.0.metric.metric: it is missing"),
        ("tiles: [{kind: count, width: 5}]", "width"),
        ("tiles: [{kind: count, title: \"a\\u0000b\"}]", "title"),
        ("tile: []", "tile"),
        ("tiles: []\ntiles: []", "tiles"),
        ("- a", "no YAML with names and values"),
        ("tiles: [", "no YAML"),
        ("tiles: [" + "{kind: count}, " * (MOST_TILES + 1) + "]", str(MOST_TILES)),
    ],
)  # fmt: skip
def test_what_is_no_dashboard_is_refused_and_named(text: str, says: str):
    with pytest.raises(ConfigurationError) as refused:
        from_yaml(text)
    assert says in str(refused.value)
