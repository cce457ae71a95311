"""SLOs of OpenSLO v1 (github.com/OpenSLO/OpenSLO, README.md) as SLOs of ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sentinel.ingest.alertmanager_import import Note
from sentinel.ingest.slo_drafts import SloDraft, object_in, objects_in, words_of
from sentinel.ingest.slo_queries import Series, UnreadableQuery, ratio_of, series_of

__all__ = ["openslo_slos"]

_DAYS = {"d": 1, "w": 7, "M": 30, "Q": 90, "Y": 365}
_PERIODS = {"1w": "week", "7d": "week", "1M": "month", "1Q": "quarter", "3M": "quarter",
            "1Y": "year", "12M": "year"}  # fmt: skip
_LOGS, _TRACES = "sentinel-logs", "sentinel-traces"
"""Sources of metrics, whose kinds OpenSLO leaves to the vendors, that are Sentinel's own."""
_SIDES = {"lte": "below", "lt": "below", "gte": "above", "gt": "above"}


class _Cannot(ValueError):
    """Why an SLO cannot be carried over."""


def openslo_slos(
    documents: Sequence[tuple[str, Mapping[str, Any]]], notes: list[Note]
) -> list[SloDraft]:
    """Translate documents of OpenSLO.

    Args:
        documents: each with the name of its file; an SLO may refer to an SLI of another one
        notes: of the report, which get what is left out

    Returns:
        The SLOs. One whose objectives have several indicators becomes several.
    """
    slis = {
        words_of(object_in(one.get("metadata")).get("name")): object_in(one.get("spec"))
        for _, one in documents
        if one.get("kind") == "SLI"
    }
    found = list[SloDraft]()
    for where, one in documents:
        kind = words_of(one.get("kind"))
        name = words_of(object_in(one.get("metadata")).get("name")) or "slo"
        place = f"{where}: {name}"
        if kind == "SLO":
            found += _Slo(place, name, one, slis, notes).drafts()
        elif kind not in ("SLI", "Service", "DataSource"):
            notes.append(Note(kind="left out", place=place, text=_KINDS.get(kind, kind or "it has "
                              "no kind")))  # fmt: skip
    return found


_KINDS = {
    "AlertPolicy": "alert policies: the rule of an SLO alerts on pages and tickets",
    "AlertCondition": "alert conditions: the rule of an SLO has its own burn rates",
    "AlertNotificationTarget": "notification targets: routes name receivers",
}


class _Slo:
    def __init__(
        self, place: str, name: str, given: Mapping[str, Any], slis: Mapping[str, Any],
        notes: list[Note],
    ) -> None:  # fmt: skip
        self._place, self._name, self._slis, self._notes = place, name, slis, notes
        self._spec = object_in(given.get("spec"))
        self._labels = object_in(object_in(given.get("metadata")).get("labels"))

    def _note(self, text: str, *, differs: bool = False) -> None:
        kind = "differs" if differs else "left out"
        self._notes.append(Note(kind=kind, place=self._place, text=text))

    def drafts(self) -> list[SloDraft]:
        try:
            method = words_of(self._spec.get("budgetingMethod")) or "Occurrences"
            if method != "Occurrences":
                raise _Cannot(f"budgetingMethod {method}: Sentinel counts events, not time slices")
            window = self._window()
        except _Cannot as error:
            self._note(str(error))
            return []
        fields: dict[str, Any] = {
            "service": words_of(self._spec.get("service")),
            "description": words_of(self._spec.get("description")),
        }
        if team := words_of(self._labels.pop("team", "")):
            fields["team"] = team
        if self._labels:
            self._note(f"labels {', '.join(sorted(map(str, self._labels)))}")
        if self._spec.get("alertPolicies"):
            self._note("alertPolicies: the rule of the SLO alerts on pages and tickets")
        return [
            SloDraft(
                place=self._place, name=self._name,
                fields={**fields, "indicator": msgspec.json.decode(indicator),
                        "objectives": [{"target": each, "window": window} for each in targets]},
            )
            for indicator, targets in self._objectives().items()
        ]  # fmt: skip

    def _objectives(self) -> dict[bytes, list[float]]:
        """Return the targets in percent by their indicator as JSON."""
        found: dict[bytes, list[float]] = {}
        for number, one in enumerate(objects_in(self._spec.get("objectives"))):
            try:
                indicator, target = self._indicator(one), _target(one)
            except (_Cannot, UnreadableQuery) as error:
                self._note(f"objectives[{number}]: {error}")
                continue
            found.setdefault(msgspec.json.encode(indicator), []).append(target)
        return found

    def _indicator(self, objective: Mapping[str, Any]) -> dict[str, Any]:
        given = object_in(objective.get("indicator") or self._spec.get("indicator"))
        spec = object_in(given.get("spec"))
        reference = words_of(objective.get("indicatorRef") or self._spec.get("indicatorRef"))
        if not spec and reference:
            if reference not in self._slis:
                raise _Cannot(f"the SLI {reference} is in none of the files")
            spec = object_in(self._slis[reference])
        ratio, threshold = (
            object_in(spec.get("ratioMetric")),
            object_in(spec.get("thresholdMetric")),
        )
        if threshold:
            if _source(threshold) == _TRACES:
                return self._spans(threshold, objective)
            return self._threshold(threshold, objective)
        if any(_source(object_in(ratio.get(one))) == _LOGS for one in ("good", "bad", "total")):
            return _lines(ratio)
        if "raw" in ratio:
            raise _Cannot("ratioMetric.raw: Sentinel counts events, and no ratio made before")
        parts = {one: _series(object_in(ratio[one]), one)
                 for one in ("good", "bad", "total") if one in ratio}  # fmt: skip
        if "total" not in parts or ("good" in parts) == ("bad" in parts):
            raise _Cannot("it has neither good and total, nor bad and total")
        counter = ratio.get("counter") is not False or any(one.rate for one in parts.values())
        return ratio_of(parts["total"], good=parts.get("good"), bad=parts.get("bad"),
                        counter=counter)  # fmt: skip

    def _threshold(self, metric: Mapping[str, Any], objective: Mapping[str, Any]) -> dict[str, Any]:
        series = _series(metric, "thresholdMetric")
        op, value = words_of(objective.get("op")), objective.get("value")
        if series.rate or op not in _SIDES or not isinstance(value, int | float):
            raise _Cannot("thresholdMetric: needs a metric's samples, op and value")
        if op in ("lt", "gt"):
            self._note(f"a sample of exactly {value} is good, too", differs=True)
        return {"kind": "threshold", **series.part(), _SIDES[op]: value}

    def _spans(self, metric: Mapping[str, Any], objective: Mapping[str, Any]) -> dict[str, Any]:
        spec = object_in(object_in(metric.get("metricSource")).get("spec"))
        op, value = words_of(objective.get("op")), objective.get("value")
        if op not in ("lte", "lt") or isinstance(value, bool) or not isinstance(value, int | float):
            raise _Cannot("thresholdMetric: spans need op lte and a value in milliseconds")
        if op == "lt":
            self._note(f"a span of exactly {value} ms is good, too", differs=True)
        return {"kind": "traces", "service": words_of(spec.get("service")),
                "operation": words_of(spec.get("operation")),
                "where": words_of(spec.get("query")), "below_ms": value}  # fmt: skip

    def _window(self) -> dict[str, Any]:
        windows = objects_in(self._spec.get("timeWindow"))
        if not windows:
            self._note("it has no timeWindow: here the last 30 days", differs=True)
            return {"kind": "rolling", "days": 30}
        window = windows[0]
        duration, calendar = words_of(window.get("duration")), object_in(window.get("calendar"))
        if calendar and window.get("isRolling") is not True:
            if duration not in _PERIODS:
                raise _Cannot(f"timeWindow: no calendar window of {duration or 'no duration'}")
            self._note("the window begins with each calendar period, not at startTime",
                       differs=True)  # fmt: skip
            zone = words_of(calendar.get("timeZone")) or "UTC"
            return {"kind": "calendar", "period": _PERIODS[duration], "timezone": zone}
        found = re.fullmatch(r"(\d{1,4})([dwMQY])", duration)
        days = int(found[1]) * _DAYS[found[2]] if found else 0
        if not 7 <= days <= 366:
            raise _Cannot(f"timeWindow: {duration or 'no duration'} is not 7 to 366 days")
        if found and found[2] in "MQY":
            self._note(f"{duration} are {days} days", differs=True)
        return {"kind": "rolling", "days": days}


def _target(objective: Mapping[str, Any]) -> float:
    share, percent = objective.get("target"), objective.get("targetPercent")
    given = percent if share is None else share
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _Cannot("it has neither target nor targetPercent")
    return float(given) if share is None else round(given * 100, 9)


def _source(metric: Mapping[str, Any]) -> str:
    return words_of(object_in(metric.get("metricSource")).get("type")).lower()


def _lines(ratio: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, str] = {}
    for part in ("good", "bad", "total"):
        if part not in ratio:
            continue
        metric = object_in(ratio[part])
        query = words_of(object_in(object_in(metric.get("metricSource")).get("spec")).get("query"))
        if _source(metric) != _LOGS or not query:
            raise _Cannot(f"{part}: must be a query of {_LOGS}, as the other part is")
        found[part] = query
    return {"kind": "logs", **found}


def _series(metric: Mapping[str, Any], part: str) -> Series:
    source = object_in(metric.get("metricSource"))
    kind, spec = words_of(source.get("type")), object_in(source.get("spec"))
    query = words_of(spec.get("query") or spec.get("promql"))
    if kind and kind.lower() != "prometheus":
        raise _Cannot(f"{part}: queries of {kind[:40]} cannot be translated, only of Prometheus")
    if not query:
        raise _Cannot(f"{part}: metricSource.spec has no query")
    try:
        return series_of(query)
    except UnreadableQuery as error:
        raise _Cannot(f"{part}: {error}") from None
