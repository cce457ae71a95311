"""YAML of people: what cannot be read is named with its place, and what is too much is refused."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.expression import yaml_document
from sentinel.expression.yaml_document import loaded, written
from sentinel.expression.yaml_loader import MOST_DIGITS, read_yaml

UNREAD = {
    "2026-02-30": "what is there is no time",
    "2026-02-28T25:00:00Z": "what is there is no time",
    "!!timestamp x": "what is there is no time",
    "!!timestamp {=: 2026-01-01}": "what is there is no time",
    "!!bool s3cret": "what is there is no boolean",
    "!!int ''": "what is there is no number",
    "!!int s3cret": "what is there is no number",
    "!!float s3cret": "what is there is no number",
    "1:" * 200 + "1.5": "a number has at most 300 characters",
    "1" * 5_000: "a number has at most 300 characters",
    "0x" + "f" * 5_000: "a number has at most 300 characters",
    "!s3cret": "could not determine a constructor for the tag",
    "*s3cret": "found undefined alias",
    "!s3cret!x y": "found undefined tag handle",
}


@pytest.mark.parametrize("value", UNREAD)
def test_a_value_that_is_not_of_its_kind_is_named_by_its_place_and_not_quoted(value: str):
    with pytest.raises(ConfigurationError) as error:
        loaded(f"a: 1\nb: {value}\n", "the file", "Begin.")
    said = error.value.message
    assert said.startswith(f"the file: no YAML: {UNREAD[value]}")
    assert said.endswith(", line 2, column 4")
    assert "s3cret" not in said
    assert value[:9] not in said
    for fast in (False, True):
        with pytest.raises(yaml.YAMLError):
            read_yaml(f"b: {value}", fast=fast)


def test_what_can_be_read_is_read():
    text = "a: 2026-02-28\nb: [0x1f, 1_000, 1e3, yes, null, '2026-02-30']\nc: {<<: {x: 1}, y: 2}"
    assert loaded(text, "x", "x") == yaml.safe_load(text)
    assert loaded(text, "x", "x", known=True)["a"] == date(2026, 2, 28)
    assert loaded(f"a: '{'1' * (MOST_DIGITS + 1)}'\nb: {'x' * 5_000}", "x", "x")
    assert read_yaml("") is None


def test_a_name_written_twice_is_refused_with_both_lines():
    twice = {
        "people:\n  ann: 1\n  bob: 2\n  ann: 3\n": ("'ann'", 2, "line 4, column 3"),
        "route: {receiver: a, receiver: b}": ("'receiver'", 1, "line 1, column 22"),
        "receivers: []\nroute: {}\nreceivers: [1]\n": ("'receivers'", 1, "line 3, column 1"),
        "b:\n- 1: 2\n  0x1: 2\n": ("'0x1'", 2, "line 3, column 3"),
        f"{'n' * 100}: 1\n{'n' * 100}: 2": (repr("n" * 60 + "..."), 1, "line 2, column 1"),
    }
    for text, (name, first, place) in twice.items():
        with pytest.raises(ConfigurationError) as error:
            loaded(text, "the file", "Begin.")
        assert error.value.message == (
            f"the file: no YAML: {name} is written twice, first in line {first}, {place}"
        )
        with pytest.raises(yaml.MarkedYAMLError, match="is written twice"):
            read_yaml(text, fast=True)
        assert loaded(text, "x", "x", known=True) == yaml.safe_load(text)


def test_names_may_repeat_what_is_merged_and_what_stands_elsewhere():
    text = """
    a: &a {x: 1, y: 2}
    b: &b {<<: *a, x: 2, z: {x: 1}}
    c: {<<: *b, x: 3, '<<': 1}
    d: [{<<: [*a, *b], y: 1}, *b, *b]
    e: {=: 1, '1': 2, 1: 3}
    """
    for fast in (False, True):
        assert read_yaml(text, fast=fast) == yaml.safe_load(text)


def test_texts_and_names_count_as_often_as_aliases_repeat_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(yaml_document, "MOST_LETTERS", 200)
    monkeypatch.setattr(yaml_document, "MOST_PARTS", 40)

    def refused(text: str) -> str:
        with pytest.raises(ConfigurationError) as error:
            loaded(text, "the file", "Begin.")
        return error.value.message

    written_out = "the file: written out without aliases (*), it has more than 200 characters"
    text = "x" * 60
    assert loaded(f"a: &a {text}\nb: [*a, *a]", "x", "x")["b"] == [text, text]
    assert refused(f"a: &a {text}\nb: [*a, *a, *a]") == written_out
    assert refused(f"a: &a {{{text}: 1}}\nb: [*a, *a, *a]") == written_out
    # Merged mappings are repeated while YAML is read.
    assert refused(f"a: &a {{{text}: 1}}\nb: &b {{<<: [*a, *a]}}\nc: {{<<: [*b]}}") == written_out
    pairs = "a: &a !!pairs [a: 1, b: 2, c: 3, d: 4]\nb: [*a, *a]"
    assert refused(pairs).endswith("holds itself")
    assert refused("a: " + "[" * 12 + "1,2" + "]" * 12) == written_out  # as it is indented
    assert refused("a: &a {<<: *a}").endswith("holds itself")
    names = ", ".join(f"{number}: 1" for number in range(20))
    assert refused(f"a: {{{names}}}").endswith("holds itself")


def test_what_lies_too_deep_is_refused():
    with pytest.raises(ConfigurationError, match="lie too deep"):
        loaded("[" * 5_000, "the file", "Begin.")
    with pytest.raises(ConfigurationError, match=r"lie too deep.*line 2, column 101"):
        loaded("a: 1\n" + "[" * 101, "the file", "Begin.")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_is_read_as_the_same(text: str):
    value = {"name": text, "more": [text, {"a": text}]}
    assert yaml.safe_load(written(value)) == value


def test_letters_of_every_script_are_written_as_they_are():
    assert written({"owner": "Zoë 東京"}) == "owner: Zoë 東京\n"
