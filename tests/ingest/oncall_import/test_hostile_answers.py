"""Whatever a vendor answers, an import ends with a document that can be used, and with a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from datetime import timedelta
from random import Random
from typing import Any, cast

import pytest
import yaml

from sentinel.ingest.oncall_import.grafana_answers import GrafanaAnswers
from sentinel.ingest.oncall_import.grafana_oncall import read_grafana
from sentinel.ingest.oncall_import.imported import ImportedOnCall, Known
from sentinel.ingest.oncall_import.opsgenie import read_opsgenie
from sentinel.ingest.oncall_import.opsgenie_answers import OpsgenieAnswers
from sentinel.ingest.oncall_import.pagerduty import read_pagerduty
from sentinel.ingest.oncall_import.pagerduty_answers import PagerDutyAnswers
from sentinel.oncall.document import OnCallDocument, read_oncall
from tests.ingest.oncall_import import grafana_sample, opsgenie_sample, pagerduty_sample

NOW = opsgenie_sample.NOW
NOBODY = Known(OnCallDocument())
ROUNDS = 12
ODD: list[Any] = [
    None, True, -1, 0, 7, 10**30, 1e300, float("nan"), float("inf"), "", " ", "x\ny", "none",
    "24:00", "2026-13-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00", "Europe/Berlin",
    [], {}, [[]], [None], {"type": 3}, {"id": []}, "a" * 300, "\x1b[2J",
]  # fmt: skip


def opsgenie(given: dict[str, Any]) -> ImportedOnCall:
    return read_opsgenie(OpsgenieAnswers(**given), NOBODY, NOW)


def pagerduty(given: dict[str, Any]) -> ImportedOnCall:
    return read_pagerduty(PagerDutyAnswers(**given), NOBODY, NOW)


def grafana(given: dict[str, Any]) -> ImportedOnCall:
    lists = dict(given)
    answers = GrafanaAnswers(
        final_shifts=lists.pop("final_shifts"),
        lists=lists,
        since=NOW,
        until=NOW + timedelta(days=1),
    )
    return read_grafana(answers, NOBODY, NOW)


READERS: dict[str, tuple[Callable[[dict[str, Any]], ImportedOnCall], dict[str, Any]]] = {
    "opsgenie": (opsgenie, opsgenie_sample.sample()),
    "pagerduty": (pagerduty, pagerduty_sample.sample()),
    "oncall": (grafana, grafana_sample.sample()),
}


def places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Yield each container within an object of a vendor's lists, and a key in it."""
    listed, named = cast("list[Any]", value), cast("dict[str, Any]", value)
    pairs: Iterable[tuple[Any, Any]] = (
        enumerate(listed) if isinstance(value, list) else named.items()
    )
    for key, inner in pairs:
        if depth > 2 or (depth == 2 and isinstance(value, dict)):
            yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner, depth + 1)


@pytest.mark.parametrize("vendor", sorted(READERS))
def test_an_odd_value_anywhere_costs_no_more_than_its_object(vendor: str):
    read, whole = READERS[vendor]
    for lists in whole.get("timelines", {}), whole.get("final_shifts", {}):
        for one in lists.values():
            if isinstance(one, list):
                del one[5:]
    drawn = Random(4)
    for _ in range(ROUNDS):
        given = deepcopy(whole)
        for _ in range(drawn.randint(1, 3)):
            holder, key = drawn.choice([*places(given)])
            holder[key] = deepcopy(drawn.choice(ODD))
        result = read(given)
        text = yaml.safe_dump({part: dict(items) for part, items in result.raw.items()})
        assert read_oncall(text) == result.document
        assert result.document.receivers <= set(result.receivers)
        for one in result.overrides:
            assert one.override.start < one.override.end
            assert set(one.override.people) <= set(result.document.people)
