"""Results of checks that others ran for Nagios or Icinga, as readings and samples. Pure.

After the check results that NRDP takes
(https://github.com/NagiosEnterprises/nrdp/tree/master/server/plugins/nagioscorepassivecheck), the
action `process-check-result` of Icinga 2
(https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#process-check-result) and the lines
that `send_nsca` reads (https://github.com/NagiosEnterprises/nsca), all read in December 2026.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast
from xml.etree import ElementTree
from xml.parsers import expat

import msgspec
import orjson

from sentinel.checks.plugin_output import STATES, read_output
from sentinel.checks.reading import Reading
from sentinel.errors import SampleError
from sentinel.ingest.given import Note, Notes, cut_text, labels_of, number_of, text_of
from sentinel.ingest.webhooks import Arrived
from sentinel.metrics.sample import Sample

__all__ = [
    "HEARTBEAT", "NAGIOS", "PERFORMANCE", "CheckResult", "arrived_of", "icinga_result",
    "nrdp_json", "nrdp_xml", "nsca_lines",
]  # fmt: skip

NAGIOS = "nagios"
"""The rule of alerts of passive results."""
PERFORMANCE = "nagios_perfdata"
"""The metric of performance data, with the labels `host`, `check` and `metric`."""
HEARTBEAT = "heartbeat"
"""The metric that each result beats, with the label `job`: `nagios:HOST` or `nagios:HOST:CHECK`."""
MOST_RESULTS = 10_000
_MOST_TITLE, _MOST_OUTPUT = 2_000, 10_000
_SERVICE_SEVERITY = {1: "warning", 2: "critical", 3: "medium"}
_HOST_STATES = {0: "up", 1: "down", 2: "unreachable"}


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One result of a check.

    Attributes:
        host: that was checked
        check: the description of the service; empty for a check of the host itself
        state: the exit code: of a service 0 to 3, of a host 0 where it is up
        output: what the plugin printed, with performance data after `|`
    """

    host: str
    check: str
    state: int
    output: str


def nrdp_xml(text: str) -> list[object]:
    """Read what NRDP's clients send as `XMLDATA`.

    Args:
        text: the document

    Returns:
        The results as `arrived_of` takes them, not checked.

    Raises:
        SampleError: it is no XML, declares a document type, or is no `checkresults`
    """
    try:
        _refuse_document_types(text)
        root = ElementTree.fromstring(text)  # noqa: S314 - it declares no entities, as just seen
    except (expat.ExpatError, ElementTree.ParseError, ValueError) as error:
        raise SampleError(f"XMLDATA is no XML: {error}", field="XMLDATA") from None
    if root.tag != "checkresults":
        raise SampleError(f"XMLDATA has <{root.tag}> and no <checkresults>", field="XMLDATA")
    return [
        {
            **{part.tag: part.text or "" for part in one},
            "type": one.get("type", "service" if one.find("servicename") is not None else "host"),
        }
        for one in root.iter("checkresult")
    ]


def _refuse_document_types(text: str) -> None:
    """Refuse a document type: entities that it declares may grow without bounds."""

    def refuse(*_: object) -> None:
        raise SampleError("XMLDATA declares a document type, which is refused", field="XMLDATA")

    # The form was decoded already: what the document says of its encoding counts no more.
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(text.encode("utf-8", "replace"), True)


def nrdp_json(text: str) -> list[object]:
    """Read what NRDP's clients send as `JSONDATA`.

    Args:
        text: the document

    Returns:
        The results as `arrived_of` takes them, not checked.

    Raises:
        SampleError: it is no JSON, or has no list `checkresults`
    """
    try:
        given: object = orjson.loads(text)
    except ValueError as error:
        raise SampleError(f"JSONDATA is no JSON: {error}", field="JSONDATA") from None
    found = cast("dict[str, Any]", given).get("checkresults") if isinstance(given, dict) else None
    if not isinstance(found, list):
        raise SampleError("JSONDATA has no list 'checkresults'", field="JSONDATA")
    return [_flat(one) for one in cast("list[object]", found)]


def _flat(given: object) -> object:
    """Return a result of NRDP's JSON with its attributes beside the rest."""
    if not isinstance(given, dict):
        return given
    one = cast("dict[str, Any]", given)
    about: object = one.get("checkresult")
    attributes = cast("dict[str, Any]", about) if isinstance(about, dict) else {}
    kind = attributes.get("type") or ("service" if one.get("servicename") else "host")
    return {**one, "type": kind}


def nsca_lines(text: str, delimiter: str = "\t") -> list[object]:
    """Read lines as `send_nsca` does: host, check, state and output, or host, state and output.

    Args:
        text: lines; empty ones are left out
        delimiter: between the fields

    Returns:
        The results as `arrived_of` takes them, not checked.
    """
    found: list[object] = []
    # Other characters that Python takes for ends of lines are part of an output.
    for one in text.split("\n"):
        line = one.removesuffix("\r")
        if not line.strip():
            continue
        parts = line.split(delimiter, 3)
        # An output may have the delimiter in it, so that the place of the state decides.
        is_host = len(parts) >= 3 and parts[1].strip().isdigit() and not _is_state(parts[2])
        if len(parts) == 3 or is_host:
            host, state, output = line.split(delimiter, 2)
            found.append({"type": "host", "hostname": host, "state": state, "output": output})
        elif len(parts) == 4:
            host, check, state, output = parts
            found.append(
                {"type": "service", "hostname": host, "servicename": check, "state": state,
                 "output": output}
            )  # fmt: skip
        else:
            found.append(line)
    return found


def _is_state(text: str) -> bool:
    return text.strip() in ("0", "1", "2", "3")


def icinga_result(given: object) -> CheckResult:
    """Read the body of Icinga's action `process-check-result`.

    Args:
        given: the decoded JSON

    Returns:
        The result.

    Raises:
        SampleError: a field is missing or wrong, or it names objects by a filter, which would need
            Icinga's configuration
    """
    if not isinstance(given, dict):
        raise SampleError("the body must be a JSON object", field="body")
    body = cast("dict[str, Any]", given)
    host, check = text_of(body.get("host")), ""
    if body.get("service") is not None:
        host, mark, check = text_of(body["service"]).partition("!")
        if not mark or not check:
            raise SampleError("'service' must be HOST!SERVICE", field="service")
    if not host:
        raise SampleError(
            "name the object by 'host' or 'service'; a filter needs Icinga's own configuration",
            field="filter" if "filter" in body else "service",
        )
    data: object = body.get("performance_data")
    words = cast("list[object]", data) if isinstance(data, list) else [data]
    said = text_of(body.get("plugin_output"))
    performance = " ".join(text_of(one) for one in words if one is not None)
    first, more, rest = said.partition("\n")
    output = f"{first} | {performance}" if performance else first
    return _checked(host, check, body.get("exit_status"), output + more + rest, "exit_status")


def arrived_of(results: Iterable[object]) -> Arrived:
    """Make readings and samples of results.

    Args:
        results: `CheckResult` objects, and mappings of NRDP's names that are not checked yet

    Returns:
        The readings of good and bad states, the samples of performance data and of heartbeats, and
        a note of each result that is none. Of several results of one check all are kept in
        samples, and the last is its state.

    Raises:
        SampleError: there are too many
    """
    states: dict[tuple[str, str], Reading] = {}
    samples, places, refused = list[Sample](), list[int](), list[Note]()
    for place, given in enumerate(results):
        if place >= MOST_RESULTS:
            raise SampleError(f"{MOST_RESULTS:,} results are taken at once", field="checkresults")
        try:
            one = given if isinstance(given, CheckResult) else _of_nrdp(given)
        except SampleError as error:
            refused.append(Note(place, error.field or "checkresult", error.message))
            continue
        states.pop((one.host, one.check), None)
        states[one.host, one.check] = _reading(one)
        found = _samples(one)
        samples += found
        places += [place] * len(found)
    return Arrived(list(states.values()), samples, places, refused)


def _of_nrdp(given: object) -> CheckResult:
    if not isinstance(given, Mapping):
        raise SampleError("is no check result: give a host, a state and an output", field="line")
    one = cast("Mapping[str, Any]", given)
    check = text_of(one.get("servicename")) if one.get("type") != "host" else ""
    if one.get("type") != "host" and not check.strip():
        raise SampleError("a result of a service has no 'servicename'", field="servicename")
    host, output = text_of(one.get("hostname")), text_of(one.get("output"))
    # Clients that pass one line write its line feeds as two characters; Icinga's do not.
    text = output if "\n" in output else output.replace("\\n", "\n")
    return _checked(host, check, one.get("state"), text, "state")


def _checked(host: str, check: str, state: object, output: str, field: str) -> CheckResult:
    if not host.strip():
        raise SampleError("'hostname' is missing or blank", field="hostname")
    number = number_of(state)
    if number not in (0, 1, 2, 3):
        raise SampleError(
            f"{field!r} must be 0, 1, 2 or 3, not {text_of(state)[:80]!r}", field=field
        )
    return CheckResult(
        host=host.strip(), check=check.strip(), state=int(number), output=output
    )  # fmt: skip


def _labels(one: CheckResult) -> dict[str, str]:
    named = {"host": one.host, "check": one.check}
    return labels_of({name: text for name, text in named.items() if text}, Notes(0))


def _reading(one: CheckResult) -> Reading:
    said = read_output(one.output)
    state = STATES[one.state] if one.check else _HOST_STATES.get(one.state, "unknown")
    title = said.text or f"{one.check or one.host} is {state}"
    more = {"output": said.more[:_MOST_OUTPUT]} if said.more else {}
    return Reading(
        labels=_labels(one),
        firing=one.state != 0,
        severity=(_SERVICE_SEVERITY.get(one.state) if one.check else "critical")
        if one.state
        else None,
        summary=cut_text(title, _MOST_TITLE, "output", Notes(0)),
        details={"state": state, **more},
    )


def _samples(one: CheckResult) -> list[Sample]:
    labels = _labels(one)
    job = ":".join(["nagios", *labels.values()])
    return [
        Sample(name=HEARTBEAT, value=1.0, labels=labels_of({"job": job}, Notes(0))),
        *(
            Sample(
                name=PERFORMANCE, value=each.value, unit=each.unit,
                labels=labels | labels_of({"metric": each.name}, Notes(0)),
            )
            for each in read_output(one.output).metrics
            if each.value is not None
        ),
    ]  # fmt: skip
