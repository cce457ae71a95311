"""Every modifier that the installed pySigma defines is supported, or refused with its reason."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from sigma.modifiers import modifier_mapping

from sentinel.event_policies.matcher import compile_policy
from sentinel.event_policies.pack import policy_of
from sentinel.ingest.sigma.reading import Imported, imported_sigma

Event = dict[str, Any]
SUPPORTED: dict[str, tuple[str, Any, Event, Event]] = {
    "all": ("f|contains|all", ["a", "b"], {"f": "b-A"}, {"f": "a"}),
    "neq": ("f|neq", "x", {"f": "y"}, {"f": "X"}),
    "base64": (
        "f|base64|contains", "foo", {"f": f"-{b64encode(b'foo').decode()}"}, {"f": "foo"},
    ),
    "base64offset": (
        "f|base64offset|contains", "secret", {"f": b64encode(b"a secret").decode()},
        {"f": "a secret"},
    ),
    "cased": ("f|cased", "Ab", {"f": "Ab"}, {"f": "ab"}),
    "cidr": ("f|cidr", "10.0.0.0/8", {"f": "10.1.2.3"}, {"f": "11.1.2.3"}),
    "contains": ("f|contains", "b", {"f": ["x", "aBc"]}, {"f": "ac"}),
    "dotall": ("f|re|dotall", "a.b", {"f": "a\nb"}, {"f": "a\n\nb"}),
    "endswith": ("f|endswith", r"\c.exe", {"f": r"C:\c.EXE"}, {"f": "c.exe.txt"}),
    "exists": ("f|exists", True, {"f": 0}, {"f": None}),
    "fieldref": ("f|fieldref", "g", {"f": "A", "g": "a"}, {"f": "a", "g": "b"}),
    "gt": ("f|gt", 3, {"f": "4"}, {"f": 3}),
    "gte": ("f|gte", 3, {"f": 3}, {"f": 2}),
    "i": ("f|re|i", "^ab$", {"f": "AB"}, {"f": "ABC"}),
    "ignorecase": ("f|re|ignorecase", "ab", {"f": "xAB"}, {"f": "xb"}),
    "lt": ("f|lt", 3, {"f": 2.5}, {"f": 3}),
    "lte": ("f|lte", 3, {"f": 3}, {"f": 4}),
    "m": ("f|re|m", "^b$", {"f": "a\nb"}, {"f": "a b"}),
    "multiline": ("f|re|multiline", "^b$", {"f": "a\nb"}, {"f": "ab"}),
    "re": ("f|re", "a+b", {"f": "xaab"}, {"f": "AAB"}),
    "s": ("f|re|s", "a.b", {"f": "a\nb"}, {"f": "ab"}),
    "startswith": ("f|startswith", "50", {"f": 503}, {"f": 150}),
    "utf16": (
        "f|utf16|base64|contains", "foo",
        {"f": b64encode("foo".encode("utf-16")).decode()}, {"f": b64encode(b"foo").decode()},
    ),
    "utf16be": (
        "f|utf16be|base64|contains", "foo",
        {"f": b64encode("foo".encode("utf-16-be")).decode()}, {"f": b64encode(b"foo").decode()},
    ),
    "wide": (
        "f|wide|base64|contains", "foo",
        {"f": b64encode("foo".encode("utf-16-le")).decode()}, {"f": b64encode(b"foo").decode()},
    ),
    "windash": ("f|windash|contains", " -x", {"f": "a /x"}, {"f": "a x"}),
}  # fmt: skip
"""For each modifier a field, its value, an event that matches and one that does not."""
REFUSED = {
    "day": "takes a part of a time", "hour": "takes a part of a time",
    "minute": "takes a part of a time", "month": "takes a part of a time",
    "week": "takes a part of a time", "year": "takes a part of a time",
    "expand": "stands for values of your site",
}  # fmt: skip


def read(field: str, value: object) -> Imported:
    rule = {
        "title": "t", "logsource": {"product": "p"},
        "detection": {"s": {field: value}, "condition": "s"},
    }  # fmt: skip
    return imported_sigma({"a.yml": json.dumps(rule)})


def test_each_modifier_of_pysigma_is_supported_or_listed_with_a_reason() -> None:
    assert modifier_mapping.keys() == SUPPORTED.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", SUPPORTED)
def test_a_modifier_means_what_sigma_says(name: str) -> None:
    field, value, matching, other = SUPPORTED[name]
    found = read(field, value)
    (policy,) = found.policies
    check = compile_policy(policy_of(policy))
    assert check(matching)
    assert not check(other)


@pytest.mark.parametrize(
    ("value", "matching", "other"),
    [
        (None, [{}, {"f": None}], [{"f": ""}, {"f": 0}]),
        ("", [{"f": ""}], [{}, {"f": "a"}]),
        ("*", [{"f": "a"}, {"f": 0}], [{}, {"f": None}]),
        (4624, [{"f": 4624}, {"f": "4624"}], [{"f": "46240"}]),
        ("4624", [{"f": 4624}, {"f": "4624"}], [{"f": 4625}]),
        (True, [{"f": True}, {"f": "True"}], [{"f": 1}, {"f": False}]),
        ("false", [{"f": False}, {"f": "FALSE"}], [{"f": 0}, {"f": True}]),
        (r"a\*b", [{"f": "A*b"}], [{"f": "a-b"}, {"f": "axxb"}]),
        (r"C:\a?", [{"f": r"c:\ab"}], [{"f": r"c:\a"}]),
    ],
)
def test_a_plain_value_is_found_as_text_and_as_number(
    value: object, matching: list[Event], other: list[Event]
) -> None:
    (policy,) = read("f", value).policies
    check = compile_policy(policy_of(policy))
    assert [check(event) for event in (*matching, *other)] == [True] * len(matching) + [
        False
    ] * len(other)


@pytest.mark.parametrize("name", REFUSED)
def test_a_modifier_that_no_policy_can_say_is_refused_by_its_name(name: str) -> None:
    found = read(f"f|{name}", "%users%" if name == "expand" else 3)
    assert found.policies == []
    (line,) = found.report
    assert line.refused
    assert REFUSED[name] in line.reason
    assert name in line.reason


@pytest.mark.parametrize("pattern", ["a(?=b)", r"(a)\1", "(?<!x)y"])
def test_a_pattern_that_needs_more_than_linear_time_is_refused_silently(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (line,) = read("f|re", pattern).report
    assert line.refused
    assert pattern in line.reason
    assert capfd.readouterr().err == ""
