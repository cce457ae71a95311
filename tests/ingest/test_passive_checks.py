"""What passive results of Nagios and Icinga mean."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import SampleError
from sentinel.ingest.passive_checks import (
    CheckResult,
    arrived_of,
    icinga_result,
    nrdp_json,
    nrdp_xml,
    nsca_lines,
)

# The example that clients/send_nrdp.py of NRDP shows, read on 2026-12-01.
XML = """<?xml version='1.0'?>
<checkresults>
  <checkresult type="host" checktype="1">
    <hostname>YOUR_HOSTNAME</hostname>
    <state>0</state>
    <output>OK|perfdata=1.00;5;10;0</output>
  </checkresult>
  <checkresult type="service" checktype="1">
    <hostname>YOUR_HOSTNAME</hostname>
    <servicename>YOUR_SERVICENAME</servicename>
    <state>1</state>
    <output>WARN|perfdata=6.00ms;5;10;0</output>
  </checkresult>
</checkresults>"""
HOST, SERVICE = {"host": "YOUR_HOSTNAME"}, {"host": "YOUR_HOSTNAME", "check": "YOUR_SERVICENAME"}


def test_states_are_readings_and_performance_data_samples():
    arrived = arrived_of(nrdp_xml(XML))
    assert [(one.labels, one.firing, one.severity, one.summary) for one in arrived.readings] == [
        (HOST, False, None, "OK"),
        (SERVICE, True, "warning", "WARN"),
    ]
    assert [(one.name, one.value, one.unit, one.labels) for one in arrived.samples] == [
        ("heartbeat", 1.0, "", {"job": "nagios:YOUR_HOSTNAME"}),
        ("nagios_perfdata", 1.0, "", HOST | {"metric": "perfdata"}),
        ("heartbeat", 1.0, "", {"job": "nagios:YOUR_HOSTNAME:YOUR_SERVICENAME"}),
        ("nagios_perfdata", 6.0, "ms", SERVICE | {"metric": "perfdata"}),
    ]
    assert (arrived.places, arrived.refused) == ([0, 0, 1, 1], [])


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_a_line_of_nsca_ends_at_a_line_feed_alone(end: str):
    arrived = arrived_of(nsca_lines(f"db-1\tdisk\t1\tone{end}two\r\ndb-2\t0\tup\n"))
    assert [one.labels["host"] for one in arrived.readings] == ["db-1", "db-2"]
    assert arrived.refused == []


def test_json_and_lines_say_the_same_as_xml():
    rows = [
        {"checkresult": {"type": "host", "checktype": "1"}, "hostname": "YOUR_HOSTNAME",
         "state": "0", "output": "OK|perfdata=1.00;5;10;0"},
        {"checkresult": {"type": "service", "checktype": "1"}, "hostname": "YOUR_HOSTNAME",
         "servicename": "YOUR_SERVICENAME", "state": "1", "output": "WARN|perfdata=6.00ms;5;10;0"},
    ]  # fmt: skip
    lines = (
        "YOUR_HOSTNAME\t0\tOK|perfdata=1.00;5;10;0\n"
        "YOUR_HOSTNAME\tYOUR_SERVICENAME\t1\tWARN|perfdata=6.00ms;5;10;0\n"
    )
    wanted = arrived_of(nrdp_xml(XML))
    assert arrived_of(nrdp_json(json.dumps({"checkresults": rows}))) == wanted
    assert arrived_of(nsca_lines(lines)) == wanted


@pytest.mark.parametrize(
    ("check", "state", "severity", "word"),
    [
        ("disk", 1, "warning", "warning"), ("disk", 2, "critical", "critical"),
        ("disk", 3, "medium", "unknown"), ("", 1, "critical", "down"),
        ("", 2, "critical", "unreachable"), ("", 3, "critical", "unknown"),
    ],
)  # fmt: skip
def test_a_bad_state_fires_with_its_severity(check: str, state: int, severity: str, word: str):
    result = CheckResult(host="db-1", check=check, state=state, output="")
    (reading,) = arrived_of([result]).readings
    assert (reading.firing, reading.severity) == (True, severity)
    assert reading.details == {"state": word}
    assert reading.summary == f"{check or 'db-1'} is {word}"


def test_the_last_of_several_results_of_a_check_is_its_state():
    bad, good = (CheckResult(host="a", check="b", state=one, output="x|y=1") for one in (2, 0))
    arrived = arrived_of([bad, good])
    assert [one.firing for one in arrived.readings] == [False]
    assert len(arrived.samples) == 4


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (
            # The example of Icinga's documentation, read on 2026-12-01.
            {"type": "Service", "service": "example.localdomain!passive-ping6", "exit_status": 2,
             "plugin_output": "PING CRITICAL - Packet loss = 100%",
             "performance_data": ["rta=5000.000000ms;3000.000000;5000.000000;0.000000",
                                  "pl=100%;80;100;0"], "check_source": "example.localdomain"},
            ("example.localdomain", "passive-ping6", 2, ["rta", "pl"]),
        ),
        ({"type": "Host", "host": "db-1", "exit_status": 1.0, "plugin_output": "down\nsince 3",
          "performance_data": "rta=1ms"}, ("db-1", "", 1, ["rta"])),
    ],
)  # fmt: skip
def test_icingas_action_is_a_result(body: object, result: tuple[str, str, int, list[str]]):
    one = icinga_result(body)
    names = [each.labels["metric"] for each in arrived_of([one]).samples[1:]]
    assert (one.host, one.check, one.state, names) == result


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"), ({"exit_status": 0, "filter": "true"}, "filter"),
        ({"service": "db-1", "exit_status": 0}, "service"),
        ({"host": "db-1", "exit_status": 4}, "exit_status"), ({"host": "db-1"}, "exit_status"),
    ],
)  # fmt: skip
def test_what_icingas_action_lacks_is_named(body: object, field: str):
    with pytest.raises(SampleError) as refused:
        icinga_result(body)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<checkresults>", "no XML"), ("<other/>", "<other>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><checkresults>&b;</checkresults>', "document type"),
    ],
)  # fmt: skip
def test_xml_that_cannot_be_used_is_refused(text: str, words: str):
    with pytest.raises(SampleError, match=words):
        nrdp_xml(text)


@pytest.mark.parametrize("text", ["{", "[]", '{"checkresults": {}}'])
def test_json_that_cannot_be_used_is_refused(text: str):
    with pytest.raises(SampleError, match="JSONDATA"):
        nrdp_json(text)


def test_a_wrong_result_costs_itself_alone():
    arrived = arrived_of(nsca_lines("db-1\tdisk\t9\tx\nnonsense\n\t0\tx\ndb-2\t0\tup"))
    assert [one.labels for one in arrived.readings] == [{"host": "db-2"}]
    assert [(one.index, one.field) for one in arrived.refused] == [
        (0, "state"), (1, "line"), (2, "hostname")
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-16", "us-ascii", "Shift_JIS", "ISO-8859-1"])
def test_what_xml_says_of_its_encoding_does_not_matter_in_a_decoded_form(encoding: str):
    said = XML.replace("?>", f" encoding='{encoding}'?>").replace("OK|", "größer|")
    assert arrived_of(nrdp_xml(said)).readings[0].summary == "größer"


def test_icinga_keeps_backslashes_that_older_clients_write_for_line_feeds():
    said = r"C:\new is full"
    result = icinga_result({"host": "win", "exit_status": 1, "plugin_output": said})
    (of_icinga,) = arrived_of([result]).readings
    (of_nsca,) = arrived_of(nsca_lines(f"win\t1\t{said}")).readings
    assert (of_icinga.summary, of_nsca.summary) == (said, "C:")


@given(st.text(max_size=200), st.sampled_from([nsca_lines, nrdp_json, nrdp_xml]))
def test_any_text_is_read_or_refused_by_a_name(text: str, read: Callable[[str], list[object]]):
    fields = {"", "XMLDATA", "JSONDATA", "checkresults"}
    field, arrived = "", None
    try:
        arrived = arrived_of(read(text))
    except SampleError as error:
        field = error.field or "none"
    assert field in fields
    assert arrived is None or all(one.labels["host"].strip() for one in arrived.readings)
