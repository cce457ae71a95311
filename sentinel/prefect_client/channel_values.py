"""Check what a channel's form was given against the block's schema, and make the block's data.

Prefect's API takes any data; a block that does not fit its schema fails when it is loaded to send
a message. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import jsonschema

from sentinel.errors import ConfigurationError
from sentinel.prefect_client.list_text import listed

if TYPE_CHECKING:
    from sentinel.prefect_client.channel_forms import FormField

__all__ = ["data_of", "schema_fault"]

_SCHEMES = ("slack", "discord", "mailto", "msteams", "workflow")
"""Of addresses that Apprise's blocks take beside web addresses."""
_WORDS = {
    "minimum": "must be at least {}",
    "exclusiveMinimum": "must be more than {}",
    "maximum": "must be at most {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "needs at least {} characters",
    "maxLength": "may have at most {} characters",
    "pattern": "must match the pattern {}",
    "minItems": "needs at least {} entries",
    "maxItems": "may have at most {} entries",
    "enum": "must be one of {}",
    "type": "must be of type {}",
    "multipleOf": "must be a multiple of {}",
}
"""What a keyword of JSON Schema asks for. The library's own words quote the value, which may be a
secret."""
_EMPTY: Mapping[str, Any] = {"list": [], "text": "", "secret": ""}


def data_of(fields: list[FormField], given: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """Return the data of a block as Prefect's API takes it.

    Args:
        fields: of the form
        given: values by field; an empty secret of a block that exists stays as it is, None clears
            it; any other empty field is cleared; a field that is not given stays as it is
        new: whether the block does not exist yet

    Returns:
        Data by field; what stays as it is, and what is empty in a new block, is left out.

    Raises:
        ConfigurationError: a value is missing, or the schema refuses it
    """
    data: dict[str, Any] = {}
    for field in fields:
        if not new and field.name not in given:
            continue
        value = _typed(field, given.get(field.name))
        if value in (None, "", []):
            kept = field.kind == "secret" and not new and (field.required or value is not None)
            if field.required and not kept:
                raise ConfigurationError(f"{field.title} is missing")
            if not new and not kept:
                data[field.name] = _cleared(field)
            continue
        if fault := _fault(field, value):
            raise ConfigurationError(f"{field.title} {fault}")
        data[field.name] = (
            {"$ref": {"block_document_id": value}} if field.kind == "block" else value
        )
    return data


def schema_fault(value: object, schema: Mapping[str, Any]) -> str:
    """Return what a schema asks for that a value is not, without the value; empty if it fits.

    Args:
        value: JSON
        schema: JSON Schema of one field

    Returns:
        Words that continue the name of the field.
    """
    library: Any = jsonschema  # it has no types
    checker = library.FormatChecker()
    validator = library.Draft202012Validator(dict(schema), format_checker=checker)
    error: Any = library.exceptions.best_match(validator.iter_errors(value))
    if error is None:
        return ""
    if error.validator == "anyOf":  # what one alternative asks for says more than that none fits
        error = next((one for one in error.context if one.validator != "type"), error)
    keyword, asked = str(error.validator), cast("object", error.validator_value)
    if keyword == "format":
        return f"is not a valid {asked}"
    if isinstance(asked, list):
        asked = ", ".join(map(str, cast("list[object]", asked)))
    words = _WORDS.get(keyword, "does not fit the block's schema ({})")
    if keyword not in _WORDS:
        asked = keyword
    # One entry of a list is named by its place.
    place = "".join(f"entry {int(one) + 1} " for one in error.absolute_path if isinstance(one, int))
    return f"{place}{words.format(asked)}"


def _typed(field: FormField, value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
    if field.kind == "list" and isinstance(value, str):
        return listed(value)
    if field.kind == "number" and isinstance(value, float) and value.is_integer() and field.whole:
        return int(value)
    return value


def _fault(field: FormField, value: Any) -> str:
    if field.kind == "block":
        return ""
    scheme = str(value).partition("://")[0]
    if field.name.endswith("url") and scheme not in ("https", "http", *_SCHEMES):
        # A schema says only that it is a text; the block refuses it when a message is sent.
        return "does not begin with https://"
    return schema_fault(value, field.schema)


def _cleared(field: FormField) -> Any:
    """Return what an empty field of a block that exists is set to."""
    if field.default is not None:
        return field.default
    several: list[dict[str, Any]] = field.schema.get("anyOf") or [dict(field.schema)]
    nullable = any(one.get("type") == "null" for one in several) or field.kind == "block"
    return None if nullable else _EMPTY.get(field.kind)
