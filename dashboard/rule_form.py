"""What a form knows of a rule: the fields of a check's parameters, and what is wrong where. Pure.

Both come from the models that a flow run checks with: `form_of` of the trigger, and `Rule`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, cast

import msgspec
import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined, to_jsonable_python

from sentinel.checks.form import form_of, help_of
from sentinel.checks.trigger import Trigger
from sentinel.duration import format_duration
from sentinel.errors import RuleError
from sentinel.expression.yaml_loader import read_yaml
from sentinel.rollout.checked_drafts import checked_draft
from sentinel.rollout.rule_draft import Draft
from sentinel.rules.rule import Rule
from sentinel.validation_messages import validation_message

__all__ = ["ParameterField", "fields_of", "in_yaml", "normal", "problems_of", "read_value"]

Kind = Literal["flag", "choice", "number", "whole", "text", "list", "yaml"]
_SCHEMA_KINDS: Mapping[str, Kind] = {
    "boolean": "flag", "number": "number", "integer": "whole", "string": "text",
}  # fmt: skip
_NAMED = re.compile(r"^(\w+)[.:]")
_FIELDS = frozenset(field.alias or name for name, field in Rule.model_fields.items())


class ParameterField(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a check, as a form asks for it.

    Attributes:
        name: of the parameter
        kind: of its input; `yaml` for what no other input can write
        help: of the check's docstring
        required: whether it has no default
        default: as JSON has it
        choices: of a choice, or of the entries of a list; empty where anything may be written
        least: the smallest number; None for no limit
        most: the largest number; None for no limit
    """

    name: str
    kind: Kind
    help: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None

    @property
    def title(self) -> str:
        """Return what stands above the input: `Timeout seconds`."""
        return self.name.replace("_", " ").capitalize()


def fields_of(trigger: Trigger[..., Any]) -> list[ParameterField]:
    """Return the fields of a form for a check's parameters.

    Args:
        trigger: the check

    Returns:
        A field for each parameter, in the order of its signature.
    """
    form, said = form_of(trigger), help_of(trigger)
    schema = form.model_json_schema()
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    return [
        _field(name, schema["properties"][name], definitions, form, said.get(name, ""))
        for name in form.model_fields
    ]


def _field(
    name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], form: type[BaseModel],
    about: str,
) -> ParameterField:  # fmt: skip
    wanted = _plain(schema, definitions)
    default = form.model_fields[name].default
    required = default is PydanticUndefined
    kind: Kind = _SCHEMA_KINDS.get(str(wanted.get("type")), "yaml")
    if kind == "yaml" and isinstance(_json(default), str):
        kind = "text"  # a duration may be a number as well
    choices = tuple(map(str, wanted.get("enum", ())))
    if choices and kind == "text":
        kind = "choice"
    if wanted.get("type") == "array":
        of = _plain(wanted.get("items") or {}, definitions)
        if of.get("type") == "string":
            kind, choices = "list", tuple(map(str, of.get("enum", ())))
    return ParameterField(
        name=name, kind=kind, help=about, required=required, choices=choices,
        default=None if required else _json(default),
        least=_limit(wanted, "minimum", "exclusiveMinimum"),
        most=_limit(wanted, "maximum", "exclusiveMaximum"),
    )  # fmt: skip


def _plain(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema without references, and without `null` beside one other kind."""
    if "$ref" in schema:
        schema = definitions.get(str(schema["$ref"]).rpartition("/")[2], {})
    one_of: list[dict[str, Any]] = schema.get("anyOf") or []
    others = [one for one in one_of if one.get("type") != "null"]
    return _plain(others[0], definitions) if len(others) == 1 else schema


def _limit(schema: Mapping[str, Any], *names: str) -> float | None:
    found = [schema[name] for name in names if isinstance(schema.get(name), int | float)]
    return float(found[0]) if found else None


def _json(value: Any) -> Any:
    if isinstance(value, timedelta):
        return format_duration(value)
    return to_jsonable_python(value, fallback=str)


def in_yaml(value: Any) -> str:
    """Return a value as the input of YAML shows it; empty for nothing."""
    if value in (None, {}, []):
        return ""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return text.removesuffix("...\n").strip()  # the end of a document that is one value


def read_value(text: str) -> Any:
    """Return what was written as YAML.

    Args:
        text: one value; empty for none

    Returns:
        The value, or None.

    Raises:
        RuleError: it cannot be read
    """
    try:
        return read_yaml(text) if text.strip() else None
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "this is no YAML"
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise RuleError(f"{where}{problem}", hint="Write names and values: {a: b}.") from None


def problems_of(draft: Draft, trigger: Trigger[..., Any]) -> dict[str, str]:
    """Return what is wrong with a rule, by field.

    Args:
        draft: of the rule
        trigger: its check

    Returns:
        A message by the name of the rule's field, or by `parameters.NAME`; by an empty text for
        what belongs to no field. Empty where it can be saved.
    """
    found: dict[str, str] = {}
    form = form_of(trigger)
    try:
        form.model_validate(draft.parameters)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            first, *rest = map(str, one["loc"])
            said = validation_message(cast("Mapping[str, Any]", one), form)
            message = ": ".join([*rest, said])
            found.setdefault(f"parameters.{first}", message)
    rule = dict(draft.rule)
    if said := _without_value(rule.get("when")):
        found["when"] = said
        rule["when"] = _USABLE["when"]
    rest = _rule_problems(rule, found)
    try:
        checked_draft(msgspec.structs.replace(draft, rule=rest))
    except RuleError as error:
        field = _named(error.message)[0]
        found.setdefault(field, str(error).removeprefix(f"{field}: "))
    return found


_USABLE: Mapping[str, Any] = {"name": "a-rule", "when": {"above": 0}}
"""What stands for a field that is refused, so that what else is wrong is found as well."""


def _rule_problems(rule: dict[str, Any], found: dict[str, str]) -> dict[str, Any]:
    """Add what is wrong with the fields of a rule.

    What concerns several fields is looked at once each of them is right by itself: so the fields
    that are refused are left out, and the rest is looked at again.

    Returns:
        The rule without them.
    """
    while True:
        try:
            Rule.model_validate(rule)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        else:
            return rule
        before = dict(rule)
        for one in errors:
            where = [str(part) for part in one["loc"] if not str(part).startswith("function-")]
            message = validation_message(cast("Mapping[str, Any]", one), Rule)
            field, inner = (where[0], where[1:]) if where else _named(message)
            found.setdefault(field, ": ".join([*inner, message.removeprefix(f"{field}: ")]))
            rule.pop(field, None)
            if field in _USABLE:
                rule[field] = _USABLE[field]
        if rule == before:  # what belongs to no field cannot be left out
            return rule


def _without_value(when: object) -> str:
    """Return what is missing in a condition, by the words of its inputs; empty for nothing."""
    if not isinstance(when, dict):
        return ""
    given = cast("Mapping[str, Any]", when)
    if any(kind in given and given[kind] is None for kind in ("above", "below", "equals")):
        return "Threshold is missing"
    if "outside" in given:
        bounds = zip(("Lowest", "Highest"), given["outside"], strict=False)
        missing = [title for title, bound in bounds if bound is None]
        are = "is" if len(missing) == 1 else "are"
        return f"{' and '.join(missing)} {are} missing" if missing else ""
    if given.get("levels") == {}:
        return "the threshold of at least one severity is missing"
    return "the expression is missing" if given.get("expression") == "" else ""


def _named(message: str) -> tuple[str, list[str]]:
    """Return the field of the rule that a message begins with; an empty text for none."""
    name = _NAMED.match(message)
    return (name.group(1) if name and name.group(1) in _FIELDS else "", [])


def normal(draft: Draft, fields: list[ParameterField]) -> Draft:
    """Return a draft as a person would have written it: defaults left out.

    Args:
        draft: of which the rule can be used
        fields: of its check

    Returns:
        The same rule.
    """
    defaults = {one.name: one.default for one in fields if not one.required}
    kept = {
        name: value
        for name, value in draft.parameters.items()
        if name not in defaults or value != defaults[name]
    }
    return msgspec.structs.replace(
        draft, parameters=kept, rule=Rule.model_validate(draft.rule).dump()
    )
