"""What a channel's form was given, against the schema of its block."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.errors import ConfigurationError
from sentinel.prefect_client.channel_forms import FormField
from sentinel.prefect_client.channel_values import data_of


def field(kind: Any, *, required: Any = False, default: Any = None, **schema: Any) -> FormField:
    """A field called Size whose values have this schema."""
    return FormField(
        name="size", title="Size", help="", kind=kind, required=required, default=default,
        schema=schema,
    )  # fmt: skip


def saved(one: FormField, value: Any, *, new: bool = True) -> Any:
    return data_of([one], {"size": value}, new=new).get("size", "left out")


NUMBER = {"type": "number", "exclusiveMinimum": 0, "maximum": 120}


@pytest.mark.parametrize(
    ("kind", "schema", "value", "says"),
    [
        ("number", NUMBER, 0.0, "Size must be more than 0"),
        ("number", NUMBER, 121.0, "Size must be at most 120"),
        ("number", {"type": "integer", "minimum": 3}, 2, "Size must be at least 3"),
        ("number", {"type": "integer"}, 2.5, "Size must be of type integer"),
        ("secret", {"type": "string", "minLength": 8}, "s3cret", "needs at least 8 characters"),
        ("text", {"type": "string", "maxLength": 3}, "four", "Size may have at most 3"),
        ("text", {"type": "string", "pattern": "^#"}, "ops", r"must match the pattern \^#"),
        ("choice", {"enum": ["us", "eu"]}, "xx", "Size must be one of us, eu"),
        ("list", {"type": "array", "maxItems": 1}, "a, b", "Size may have at most 1 entries"),
        ("list", {"type": "array", "items": {"pattern": "@"}}, "a@b, c", "Size entry 2 must match"),
        ("text", {"anyOf": [{"minLength": 3}, {"type": "null"}]}, "a", "at least 3"),
    ],
)  # fmt: skip
def test_what_the_schema_refuses_is_said_in_words_without_the_value(
    kind: Any, schema: dict[str, Any], value: Any, says: str
):
    with pytest.raises(ConfigurationError, match=says) as refused:
        saved(field(kind, **schema), value)
    assert "s3cret" not in str(refused.value)


def test_what_the_schema_takes_is_saved_in_its_type():
    assert saved(field("number", **NUMBER), 120.0) == 120.0
    whole = saved(field("number", type="integer"), 3.0)
    assert whole == 3
    assert isinstance(whole, int)
    assert saved(field("list", type="array"), " a ,, b ") == ["a", "b"]
    assert saved(field("block"), "id-1") == {"$ref": {"block_document_id": "id-1"}}


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ('"Doe, Jane" <jane@x.org>, ops@x.org', ['"Doe, Jane" <jane@x.org>', "ops@x.org"]),
        (r'"Doe \"JD\", Jane" <jane@x.org>,b', [r'"Doe \"JD\", Jane" <jane@x.org>', "b"]),
        ('an end" , b', ['an end"', "b"]),
        (" , ", "left out"),
    ],
)
def test_a_list_is_split_at_the_commas_outside_of_quotes(text: str, entries: Any):
    assert saved(field("list", type="array"), text) == entries


def test_a_field_that_is_not_given_stays_as_it_is():
    assert data_of([field("list", required=True)], {}, new=False) == {}
    with pytest.raises(ConfigurationError, match="Size is missing"):
        data_of([field("list", required=True)], {}, new=True)


@pytest.mark.parametrize(
    ("one", "cleared"),
    [
        (field("text", type="string", default="x"), "x"),
        (field("text", type="string"), ""),
        (field("list", type="array"), []),
        (field("text", anyOf=[{"type": "string"}, {"type": "null"}]), None),
        (field("block"), None),
        (field("number", type="number", default=10.0), 10.0),
    ],
)
def test_an_optional_field_that_was_emptied_is_cleared(one: FormField, cleared: Any):
    assert saved(one, None if one.kind == "number" else "", new=False) == cleared
    assert saved(one, "", new=True) == "left out"


def test_an_empty_secret_stays_until_it_is_removed():
    secret = field("secret", type="string")
    assert saved(secret, "", new=False) == "left out"
    assert saved(secret, None, new=False) == ""
    needed = field("secret", required=True, type="string")
    assert saved(needed, "", new=False) == "left out"
    with pytest.raises(ConfigurationError, match="Size is missing"):
        saved(needed, "", new=True)
    with pytest.raises(ConfigurationError, match="Size is missing"):
        saved(field("text", required=True, type="string"), " ", new=False)
