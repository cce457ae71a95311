"""SLO files of Sloth and OpenSLO as SLOs of ours, with a report. Pure.

Sloth's `prometheus/v1` and its Kubernetes form `sloth.slok.dev/v1` (github.com/slok/sloth,
`pkg/prometheus/api/v1`, `pkg/kubernetes/api/sloth/v1`); OpenSLO's `openslo/v1`
(github.com/OpenSLO/OpenSLO, README.md). What cannot be translated is left out and reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.ingest.alertmanager_import import Note
from sentinel.ingest.openslo import openslo_slos
from sentinel.ingest.slo_drafts import SloDraft, object_in, objects_in, words_of
from sentinel.ingest.slo_queries import UnreadableQuery, difference_of, ratio_of, series_of
from sentinel.severity import severity_of
from sentinel.slo.definition import SloDefinition, definition_of

__all__ = ["ImportedSlos", "imported_slos"]

_HINT = "Sloth's files begin with version: prometheus/v1, OpenSLO's with apiVersion: openslo/v1."
_MARK = re.compile(r"^---(?=\s|$)", re.M)


class ImportedSlos(msgspec.Struct, frozen=True, kw_only=True):
    """SLOs in the order of the files, and the report."""

    slos: Sequence[SloDefinition]
    notes: Sequence[Note]


def imported_slos(files: Mapping[str, str]) -> ImportedSlos:
    """Translate SLO files.

    Args:
        files: text by name; one may hold several documents

    Returns:
        The SLOs, and what could not be carried over.

    Raises:
        ConfigurationError: a file is no YAML, or neither of Sloth nor of OpenSLO
    """
    drafts, openslo = list[SloDraft](), list[tuple[str, Mapping[str, Any]]]()
    notes = list[Note]()
    for name, text in files.items():
        documents = [one for one in _MARK.split(text) if _says_something(one)]
        if not documents:
            raise ConfigurationError(f"{name}: the file is empty", hint=_HINT)
        for one in documents:
            given = loaded(one, name, _HINT)
            api = str(given.get("apiVersion", ""))
            if given.get("version") == "prometheus/v1":
                drafts += _sloth(name, given, notes)
            elif api == "sloth.slok.dev/v1":
                spec = given.get("spec")
                drafts += _sloth(name, object_in(spec), notes)
            elif api == "openslo/v1":
                openslo.append((name, given))
            else:
                said = f"apiVersion {api[:60]!r}" if api else "no version that is known"
                raise ConfigurationError(f"{name}: {said}", hint=_HINT)
    drafts += openslo_slos(openslo, notes)
    slos = list[SloDefinition]()
    for draft in drafts:
        taken = {one.name for one in slos}
        slo = _defined(draft, taken, notes)
        if slo is not None:
            slos.append(slo)
    return ImportedSlos(slos=slos, notes=notes)


def _says_something(document: str) -> bool:
    lines = (line.strip() for line in document.splitlines())
    return any(line and not line.startswith("#") for line in lines)


def _defined(draft: SloDraft, taken: set[str], notes: list[Note]) -> SloDefinition | None:
    plain = re.sub(r"[^a-z0-9]+", "-", draft.name.lower()).strip("-")[:76].strip("-") or "slo"
    name, nth = plain, 2
    while name in taken:
        name, nth = f"{plain}-{nth}", nth + 1
    try:
        slo = definition_of({**draft.fields, "name": name}, draft.place)
    except ConfigurationError as error:
        notes.append(Note(kind="left out", place=draft.place, text=error.message))
        return None
    if name != draft.name:
        notes.append(Note(kind="differs", place=draft.place, text=f"is called {name}"))
    return slo


def _sloth(where: str, given: Mapping[str, Any], notes: list[Note]) -> list[SloDraft]:
    service, found = words_of(given.get("service")), list[SloDraft]()
    labels = given.get("labels")
    for number, one in enumerate(objects_in(given.get("slos"))):
        name = words_of(one.get("name")) or f"slo-{number + 1}"
        place = f"{where}: {name}"

        def left_out(what: str, place: str = place) -> None:
            notes.append(Note(kind="left out", place=place, text=what))

        try:
            indicator = _sloth_indicator(one)
        except UnreadableQuery as error:
            left_out(str(error))
            continue
        fields: dict[str, Any] = {
            "service": service, "description": words_of(one.get("description")),
            "indicator": indicator, "objectives": [{"target": one.get("objective")}],
        }  # fmt: skip
        own = one.get("labels")
        merged = {**object_in(labels), **object_in(own)}
        if words_of(merged.get("team")):
            fields["team"] = words_of(merged.pop("team"))
        if merged:
            left_out(f"labels {', '.join(sorted(map(str, merged)))}")
        fields["alerting"] = _sloth_alerting(object_in(one.get("alerting")), left_out)
        found.append(SloDraft(place=place, name=f"{service}-{name}".strip("-"), fields=fields))
    if found:
        notes.append(Note(kind="differs", place=where, text="windows are the last 30 days, which "
                          "is Sloth's default; change days where you gave it another"))  # fmt: skip
    return found


def _sloth_indicator(one: Mapping[str, Any]) -> dict[str, Any]:
    sli = object_in(one.get("sli"))
    events = object_in(sli.get("events"))
    if not events:
        kind = "a query of a ratio" if "raw" in sli else "plugins" if "plugin" in sli else "no sli"
        raise UnreadableQuery(f"{kind}: Sentinel counts events, as sli.events has them")
    errors = words_of(events.get("error_query", events.get("errorQuery")))
    every = words_of(events.get("total_query", events.get("totalQuery")))
    try:
        total, sides = series_of(every), difference_of(errors)
        if sides is None:
            return ratio_of(total, bad=series_of(errors))
    except UnreadableQuery as error:
        raise UnreadableQuery(f"sli.events: {error}") from None
    if sides[0] != total:
        raise UnreadableQuery("sli.events: errors are a difference, but not from all events")
    return ratio_of(total, good=sides[1])


def _sloth_alerting(given: Mapping[str, Any], left_out: Callable[[str], None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ours, names in {
        "page": ("page_alert", "pageAlert"), "ticket": ("ticket_alert", "ticketAlert"),
    }.items():  # fmt: skip
        alert = object_in(given.get(names[0]) or given.get(names[1]))
        if alert.get("disable") is True:
            found[ours] = False
        labels = object_in(alert.get("labels"))
        word = labels.pop("severity", None)
        if word is not None:
            try:
                found[f"{ours}_severity"] = severity_of(str(word)).word
            except ValueError:
                left_out(f"alerting.{names[0]}: the severity {words_of(word)[:40]}")
        others = [*sorted(map(str, labels)), *(["annotations"] if alert.get("annotations") else [])]
        if others:
            left_out(f"alerting.{names[0]}: {', '.join(others)}")
    own = [one for one in ("name", "labels", "annotations") if given.get(one)]
    if own:
        left_out(f"alerting: {', '.join(own)}")
    return found
