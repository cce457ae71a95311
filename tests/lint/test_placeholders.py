"""Which names a rule's texts may hold is read from the trigger's own file."""

import importlib
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sentinel import Reading, Rule, Trigger
from sentinel.checks.catalog import find
from sentinel.evaluation.alert_text import wording
from sentinel.lint.placeholders import ALWAYS, Yielded, double_braces, unknown_names, yielded_by

HEAD = "from sentinel import Reading, Context, trigger\n"
Written = Callable[[str], Yielded]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is read from a file with this trigger `seen` in it."""
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    name = f"written_{secrets.token_hex(8)}"

    def write(body: str) -> Yielded:
        (tmp_path / f"{name}.py").write_text(HEAD + body)
        trigger: Trigger[..., Any] = importlib.import_module(name).seen
        return yielded_by(trigger)

    yield write
    sys.modules.pop(name, None)


def unknown(text: str, yielded: Yielded) -> list[str]:
    rule = Rule.model_validate({"name": "r", "annotations": {"summary": text}})
    return list(unknown_names(rule, yielded))


def test_what_is_always_there_is_what_a_text_is_filled_in_with():
    template = " ".join(f"{{{name}}}" for name in ALWAYS)
    rule = Rule.model_validate({"name": "r", "annotations": {"summary": template}})
    title, _, _ = wording(rule, Reading(value=1), "high", "s", datetime.now(UTC))
    assert "{" not in title


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("@trigger\ndef seen():\n    yield Reading(labels={'a': '1'}, value=1)", {"a"}),
        ("@trigger\ndef seen():\n    return [Reading(labels=dict(a='1'), firing=False)]", {"a"}),
        ("@trigger\ndef seen():\n    x = {'a': '1'}\n    x['b'] = '2'\n"
         "    y = x if x else {'c': '3'}\n    yield Reading(labels={**y, 'd': '4'}, value=1)",
         {"a", "b", "c", "d"}),
        ("@trigger\ndef seen():\n    yield Reading(labels={'a': '1'} | {'b': '2'}, value=1,"
         " details={'free': 1})", {"a", "b", "free"}),
        ("@trigger\ndef seen():\n    yield Reading(value=1, details=None)", set[str]()),
    ],
)  # fmt: skip
def test_plain_dictionaries_are_read(written: Written, body: str, names: set[str]):
    assert written(body + "\n") == Yielded(names=frozenset(names), all_known=True)


@pytest.mark.parametrize(
    "body",
    [
        "@trigger\ndef seen():\n    for k in 'ab':\n"
        "        yield Reading(labels={k: '1'}, value=1)",
        "@trigger\ndef seen():\n    yield Reading(labels={k: k for k in 'ab'}, value=1)",
        "@trigger\ndef seen():\n    x = {'a': '1'}\n    x.update(b='2')\n"
        "    yield Reading(labels=x, value=1)",
        "@trigger\ndef seen():\n    x = {'labels': {}}\n    yield Reading(**x, value=1)",
        "def others():\n    return []\n\n@trigger\ndef seen():\n    yield from others()\n"
        "    yield Reading(labels={'a': '1'}, value=1)",
        "import pandas as pd\n\n@trigger\ndef seen():\n    return pd.DataFrame({'value': [1]})",
    ],
)
def test_details_that_are_not_constant_may_have_any_name(written: Written, body: str):
    yielded = written(body + "\n")
    assert not yielded.all_known
    assert unknown("{customer} has {value}", yielded) == []
    (said,) = unknown("{customer} has {valeu}", yielded)
    assert "did you mean {value}?" in said


def test_the_columns_named_in_by_are_its_labels(written: Written):
    yielded = written(
        "import pandas as pd\n\n@trigger(by=('host', 'disk'))\ndef seen():\n"
        "    return pd.DataFrame({'host': [], 'disk': [], 'value': []})\n"
    )
    assert yielded == Yielded(names=frozenset({"host", "disk"}), all_known=True)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{valeu}", "did you mean {value}?"),
        ("{hst}", "did you mean {host}?"),
        ("{label.host}", "did you mean {labels.host}?"),
        ("{value.x}", "nothing fills in {value.x}"),
        ("{entirely}", "nothing fills in {entirely}. There are {value}, {unit}"),
    ],
)
def test_a_misspelt_name_is_reported_with_the_known_names(text: str, meant: str):
    (said,) = unknown(text, Yielded(names=frozenset({"host"}), all_known=True))
    assert meant in said
    assert "{host}" in said


@pytest.mark.parametrize(
    "text", ["100 {}", "{ value }", "{labels.any.thing}", "{host.name}", "{1}"]
)
def test_what_is_no_name_or_may_be_one_passes(text: str):
    assert unknown(text, Yielded(names=frozenset({"host"}), all_known=True)) == []


@pytest.mark.parametrize(
    ("name", "labels"), [("cpu_usage", {"host", "core"}), ("disk_space", {"host", "mount"})]
)
def test_the_first_triggers_write_their_names_down(name: str, labels: set[str]):
    yielded = yielded_by(find(name))
    assert yielded.all_known
    assert labels <= yielded.names


def test_a_way_to_write_a_number_that_is_not_known_is_named_with_those_that_are():
    nothing = Yielded(names=frozenset(), all_known=True)
    (sentence,) = unknown("{value:x} of {value:.1f}", nothing)
    assert sentence.startswith("annotations.summary: {value:x} stays as it is written")
    assert "{value:.1f}" in sentence


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ({"rule": {"annotations": {"summary": "{{ mount }}"}}}, "rule.annotations.summary"),
        ({"rule": {"description": "{{ mount }}"}}, "rule.description"),
        ({"policy": {"summary_template": "{{ mount }}"}}, "policy.summary_template"),
        ({"policies": [{}, {"message_template": "{{ mount }}"}]}, "policies.1.message_template"),
    ],
)
def test_a_text_that_prefect_would_empty_is_an_error(parameters: dict[str, Any], place: str):
    (said,) = double_braces(parameters)
    assert said == (
        f"{place}: Prefect takes {{{{ mount }}}} for a template of its own and removes it; "
        "write {mount}"
    )
