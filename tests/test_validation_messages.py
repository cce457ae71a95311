"""What a person reads where a field is not valid."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from sentinel.lint.rule import about_rule, rule_in
from sentinel.rules.rule import Rule
from sentinel.validation_messages import validation_message


class Part(BaseModel):
    share: Annotated[float, Field(gt=0, le=1)] = 1.0


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    threshold: Annotated[float, Field(ge=0, le=100)] = 90
    at_least: Annotated[int, Field(ge=1)] = 1
    most: int | None = Field(default=None, ge=1, le=1000)
    mode: Literal["above", "below"] = "above"
    names: Annotated[list[str], Field(min_length=1, max_length=2)] = ["a"]
    text: Annotated[str, Field(max_length=3)] = ""
    parts: list[Part] = []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"threshold": 850}, "must be between 0 and 100"),
        ({"threshold": -1}, "must be between 0 and 100"),
        ({"most": 5000}, "must be between 1 and 1000"),
        ({"at_least": 0}, "must be 1 or more"),
        ({"parts": [{}, {"share": 2}]}, "must be more than 0 and 1 or less"),
        ({"threshold": "high"}, "must be a number"),
        ({"at_least": 1.5}, "must be a whole number"),
        ({"mode": "beside"}, "must be 'above' or 'below'"),
        ({"names": "a"}, "must be a list: [a, b]"),
        ({"names": []}, "must have at least 1 entry"),
        ({"names": ["a", "b", "c"]}, "must have at most 2 entries"),
        ({"text": "long"}, "must have at most 3 characters"),
        ({"text": 1}, "must be text"),
        ({"parts": [3]}, "must be its fields as names and values: {a: b}"),
        ({"treshold": 3}, "there is no such field; did you mean threshold?"),
    ],
)
def test_a_message_says_what_the_value_must_be(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Form.model_validate(given)
    assert validation_message(refused.value.errors()[0], Form) == message


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            r"^([a-z0-9]|[a-z0-9][a-z0-9-]{0,78}[a-z0-9])$",
            "may have at most 80 characters of a-z, 0-9 and '-', "
            "and must begin and end with one of a-z and 0-9",
        ),
        (
            r"^[a-z0-9][a-z0-9._-]{0,79}$",
            "may have at most 80 characters of a-z, 0-9, '.', '_' and '-', "
            "and must begin with one of a-z and 0-9",
        ),
        ("^[0-9a-f]{32}$", "must be 32 characters of 0-9 and a-f"),
        (
            r"^(https?://[^\s\x00-\x1f\x7f]+)?$",
            "must be an address that begins with http:// or https://, without spaces",
        ),
        (r"^[^\x00-\x1f\x7f]*$", "must be one line, without control characters"),
        (
            "^[!-~]([ -~]{0,98}[!-~])?$",
            "must be printable characters of ASCII, without a space at either end",
        ),
        ("^[ -/]{3}$", "String should match pattern '^[ -/]{3}$'"),
        (r"^[\d.]{3}$", "String should match pattern '^[\\d.]{3}$'"),
        ("^[1-9][0-9]{0,2}[smhd]$", "String should match pattern '^[1-9][0-9]{0,2}[smhd]$'"),
        (
            "^([0-9]{1,18}|[0-9a-f]{32})$",
            "String should match pattern '^([0-9]{1,18}|[0-9a-f]{32})$'",
        ),
        (r"^a+b$", "String should match pattern '^a+b$'"),
    ],
)
def test_a_pattern_is_said_in_words(pattern: str, message: str) -> None:
    named = TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
    with pytest.raises(ValidationError) as refused:
        named.validate_python("\n!")
    assert validation_message(refused.value.errors()[0]) == message


def test_without_the_model_a_message_names_the_limit_that_was_passed() -> None:
    with pytest.raises(ValidationError) as refused:
        Form.model_validate({"threshold": 850})
    assert validation_message(refused.value.errors()[0]) == "must be 100 or less"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_alerts": 0}, "rule.max_alerts: must be between 1 and 100000, got 0"),
        ({"every": "500ms"}, "rule: every: must be 1s or more, got 500ms"),
        ({"name": "Has Spaces"}, "rule.name: must be at most 100 small letters, digits, '-', '_'"),
        ({"renamed_from": "cpu-high"}, "rule: renamed_from: must be another name than 'cpu-high'"),
        ({"when": {"outside": [5, 3]}}, "the first limit must not be greater than the second"),
    ],
)
def test_the_lint_names_the_field_of_a_rule_and_the_value(
    wrong: dict[str, Any], message: str
) -> None:
    deployment = {"parameters": {"rule": {"name": "cpu-high", **wrong}}}
    rule = rule_in(deployment)
    assert not isinstance(rule, Rule)
    said = list(about_rule(deployment, rule, "cpu-high", "cpu_usage"))
    assert any(one.startswith(message) or message in one for one in said), said


def test_a_text_that_a_validator_has_changed_is_too_short_by_characters() -> None:
    class Titled(BaseModel):
        title: Annotated[str, AfterValidator(str.strip), Field(min_length=2)]

    with pytest.raises(ValidationError) as error:
        Titled(title=" a ")
    assert validation_message(error.value.errors()[0]) == "must have at least 2 characters"
