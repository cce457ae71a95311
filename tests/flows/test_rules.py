"""A flow for every trigger, made by its name: its form, its version, its errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import ValidationError as SchemaError
from prefect.utilities.schema_tools.validation import validate
from pydantic import Field

import flows.rules
from flows.rules import flow_of
from sentinel import Context, Reading, trigger

ROOT = Path(__file__).parents[2]


@trigger(category="test")
def sample(
    ctx: Context,
    path: str,
    depth: Annotated[int, Field(ge=1, le=9)] = 3,
    mode: str = "fast",
) -> list[Reading]:
    """How deep it is.

    More about it.

    Args:
        path: where to look
        depth: how far down
    """
    return [Reading(firing=False)]


def form() -> dict[str, Any]:
    return parameter_schema(flow_of(sample)).model_dump_for_openapi()


def test_a_module_entrypoint_gives_the_flow_of_a_trigger():
    flow: Flow[..., Any] = load_flow_from_entrypoint("flows.rules.disk_space")
    assert flow.name == "disk_space"
    assert flow is flows.rules.disk_space


def test_the_form_has_types_bounds_defaults_and_help():
    fields = form()["properties"]
    assert fields["path"]["description"] == "where to look"
    assert fields["depth"] | {} == {
        "default": 3,
        "description": "how far down",
        "maximum": 9,
        "minimum": 1,
        "position": 1,
        "title": "depth",
        "type": "integer",
    }
    assert fields["mode"]["default"] == "fast"
    assert "ctx" not in fields


def test_the_form_asks_for_the_rule_and_helps_with_each_field_of_it():
    schema = form()
    assert schema["required"] == ["path", "rule"]
    assert schema["properties"]["rule"]["description"].startswith("the condition, the severity")
    rule = schema["definitions"]["Rule"]["properties"]
    without_help = [name for name, field in rule.items() if not field.get("description")]
    assert without_help == []
    assert rule["for"]["default"] == "0s"
    assert rule["repeat_interval"]["default"] == "4h"


def test_the_forms_own_defaults_are_taken_back():
    rule = form()["definitions"]["Rule"]["properties"]
    filled = {name: field["default"] for name, field in rule.items() if "default" in field}
    flow = flow_of(sample)
    asked = flow.validate_parameters({"path": "/", "rule": {**filled, "name": "r"}})
    assert asked["rule"] == flow.validate_parameters({"path": "/", "rule": {"name": "r"}})["rule"]


@pytest.mark.parametrize(
    "given",
    [
        {"depth": 10},
        {"depth": "deep"},
        {"rule": {"every": "60s"}},
        {"rule": {"name": "Not A Name"}},
        {"rule": {"name": "r", "severity": "awful"}},
        {"rule": {"name": "r", "for": "a while"}},
        {"rule": {"name": "r", "every": -1}},
        {"rule": {"name": "r", "unknown": 1}},
        {"rule": {"name": "r", "when": {}}},
        {"rule": {"name": "r", "when": {"over": 1}}},
        {"rule": {"name": "r", "when": {"above": 1, "below": 2}}},
        {"rule": {"name": "r", "when": {"levels": {"awful": 1}}}},
        {"rule": {"name": "r", "consecutive": 0}},
    ],
    ids=str,
)
def test_deploying_refuses_what_a_run_could_not_read(given: dict[str, Any]):
    with pytest.raises(SchemaError, match="Validation failed"):
        as_deploy_checks({"path": "/", "rule": {"name": "r"}, **given})


@pytest.mark.parametrize(
    "rule",
    [
        {"every": "1h 30m", "for": "PT5M", "timeout": 30},
        {"when": {"above": 1, "below": None, "clear": 0.5}},  # as the form sends it
        {"when": {"levels": {"high": 80, "emergency": 95}}},
        {"when": None, "category": None},
    ],
    ids=str,
)
def test_deploying_takes_what_a_run_can_read(rule: dict[str, Any]):
    given = {"path": "/", "rule": {"name": "r", **rule}}
    as_deploy_checks(given)
    flow_of(sample).validate_parameters(given)


def as_deploy_checks(parameters: dict[str, Any]) -> None:
    """What the server does with a deployment's parameters."""
    validate(
        parameters, form(), raise_on_error=True, ignore_required=True, allow_none_with_default=True
    )


def test_the_form_offers_no_choice_where_there_is_none():
    # Prefect's UI shows a schema with oneOf or allOf as a choice, instead of its fields.
    for definition in form()["definitions"].values():
        assert {"oneOf", "allOf", "anyOf"} & set(definition) == set()


def test_a_trigger_without_help_has_a_form_too():
    @trigger
    def bare(path: str = "/") -> list[Reading]:
        return [Reading(firing=False)]

    schema = parameter_schema(flow_of(bare)).model_dump_for_openapi()
    assert schema["properties"]["rule"]["description"].startswith("the condition, the severity")


def test_the_description_is_the_text_before_the_arguments():
    assert flow_of(sample).description == "How deep it is.\n\nMore about it."


def test_an_unknown_trigger_is_an_error_that_lists_the_triggers():
    with pytest.raises(AttributeError, match=r"no trigger 'disk_spice'\. There are: .*disk_space"):
        _ = flows.rules.disk_spice


@pytest.mark.slow
def test_only_the_trigger_asked_for_is_imported():
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, flows.rules; flows.rules.disk_space;"
            "print([m for m in sys.modules if m.startswith('triggers.')])",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "['triggers.disk_space']"


def test_the_version_changes_with_the_trigger_and_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "versioned"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "shared.py").write_text("LIMIT = 1\n")
    (package / "other.py").write_text("UNRELATED = 1\n")
    text = "from sentinel import trigger\nfrom versioned.shared import LIMIT\n\n\n"
    text += "@trigger\ndef v():\n    return []\n"
    (package / "v.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    from sentinel.checks.catalog import find

    found = find("v", "versioned")
    first = flow_of(found).version
    assert flow_of(found).version == first
    (package / "other.py").write_text("UNRELATED = 2\n")
    assert flow_of(found).version == first
    (package / "shared.py").write_text("LIMIT = 2\n")
    second = flow_of(found).version
    (package / "v.py").write_text(text + "# edited\n")
    assert len({first, second, flow_of(found).version}) == 3
    assert flows.rules.cpu_usage.version != flows.rules.disk_space.version
