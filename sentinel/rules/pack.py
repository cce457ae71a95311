"""A rule pack: many rules of one trigger and period in one deployment. Pure.

What the deployment's `rule:` says holds for all of them, and `shared` are parameters of the trigger
that all have; what an entry says goes before both. Entries are objects in `members`, or rows of a
table, whose columns are named in `columns`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from pydantic import ValidationError

from sentinel.errors import RuleError
from sentinel.rules.rule import Rule
from sentinel.validation_messages import validation_message

__all__ = [
    "MOST_MEMBERS",
    "RULE_PACK",
    "Member",
    "is_pack",
    "member_names",
    "member_severities",
    "member_teams",
    "members_of",
]

RULE_PACK = "rule_pack"
"""The trigger of a pack's deployment, and of the pack's own rule."""
MOST_MEMBERS = 500
"""So many rules are one deployment; docs/adr/0047 says why."""
_KEYS = ("name", "parameters", "rule")
_OF_PACK = ("name", "tenant", "every", "timeout")
"""Fields of a rule that a pack decides for all of its members."""
_MERGED = ("labels", "annotations")
_FOR_TABLES = "Write columns such as name, path, rule.severity, and a row of values for each rule."


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a pack.

    Attributes:
        rule: with what the pack says for all
        parameters: of the trigger, with those that all share; not checked against its form
    """

    rule: Rule
    parameters: Mapping[str, Any]


def is_pack(parameters: object) -> bool:
    """Return whether these are the parameters of the deployment of a rule pack."""
    if not isinstance(parameters, Mapping):
        return False
    given = cast("Mapping[str, Any]", parameters)
    return isinstance(given.get("trigger"), str) and bool(given.get("members") or given.get("rows"))


def member_names(parameters: object) -> list[str]:
    """Return the names of a pack's rules without checking the rest, for lists and comparisons.

    Args:
        parameters: of the deployment, as a person wrote them

    Returns:
        The names in order; an entry that has none is left out.
    """
    try:
        entries = list(_entries(parameters))
    except RuleError:
        return []
    return [str(one["name"]) for one in entries if one.get("name")]


def member_severities(parameters: Mapping[str, Any]) -> list[str]:
    """Return the words of severities that entries of a pack have of their own, also as levels."""
    try:
        rules = [one.get("rule") for one in _entries(parameters)]
    except RuleError:
        return []
    found: list[str] = []
    for one in rules:
        if isinstance(one, Mapping):
            own = cast("Mapping[str, Any]", one)
            found.append(str(own.get("severity") or ""))
            when: Any = own.get("when")
            levels: Any = when.get("levels") if isinstance(when, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - it is JSON
            found += map(str, cast("Mapping[str, Any]", levels or {}))
    return found


def member_teams(parameters: Mapping[str, Any]) -> set[str]:
    """Return the teams that entries of a pack name, beside that of the pack itself."""
    try:
        rules = [one.get("rule") for one in _entries(parameters)]
    except RuleError:
        return set()
    own = [cast("Mapping[str, Any]", one) for one in rules if isinstance(one, Mapping)]
    return {str(one.get("team") or "") for one in own if "team" in one}


def members_of(base: Rule, parameters: Mapping[str, Any]) -> list[Member]:
    """Make the rules of a pack.

    Args:
        base: the deployment's rule
        parameters: of the deployment: shared, members, columns and rows

    Returns:
        The rules in order.

    Raises:
        RuleError: an entry, or all of them together, cannot be used; names the entry
    """
    entries = list(_entries(parameters))
    if not 1 <= len(entries) <= MOST_MEMBERS:
        raise RuleError(
            f"the pack {base.name!r} has {len(entries):,} rules",
            hint=f"A deployment has 1 to {MOST_MEMBERS:,} of them; make more deployments.",
        )
    written = base.model_dump(by_alias=True, exclude_unset=True)
    shared = _object(parameters.get("shared") or {}, "shared")
    seen = {base.name: "the deployment's own rule"}
    members: list[Member] = []
    for place, entry in enumerate(entries):
        where = f"members.{place}" if not entry.get("name") else f"rule {entry['name']!r}"
        rule = _rule(base, written, entry, where)
        if rule.name in seen:
            raise RuleError(
                f"{where} has the name of {seen[rule.name]}", hint="Names are unique; rename one."
            )
        seen[rule.name] = "another rule of the pack"
        own = _object(entry.get("parameters") or {}, f"{where}: parameters")
        members.append(Member(rule=rule, parameters={**shared, **own}))
    return members


def _rule(base: Rule, written: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> Rule:
    strange = sorted(set(entry) - set(_KEYS))
    if strange:
        raise RuleError(
            f"{where}: {strange[0]} is not a field of an entry",
            hint="An entry has name, parameters and rule.",
        )
    if not isinstance(entry.get("name"), str):
        raise RuleError(f"{where} has no name", hint="Give each rule of a pack a name of its own.")
    own = _object(entry.get("rule") or {}, f"{where}: rule")
    for field in _OF_PACK:
        if field in own:
            raise RuleError(
                f"{where}: {field} is the same for all rules of a pack",
                hint="Write it in the deployment's rule, or make the rule a deployment of its own.",
            )
    given = {key: value for key, value in written.items() if key != "renamed_from"}
    for field in _MERGED:
        if isinstance(own.get(field), Mapping):
            own = {**own, field: {**given.get(field, {}), **own[field]}}
    try:
        return Rule.model_validate({**given, **own, "name": entry["name"]})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        message = validation_message(first, Rule)
        text = f"{place}: {message}" if place and not message.startswith(place) else message
        raise RuleError(f"{where}: {text}", hint="See docs/how-to/rule-packs.md.") from None


def _entries(given: object) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of `members`, then those of the table."""
    parameters = _object(given, "parameters")
    for place, one in enumerate(_list(parameters.get("members") or [], "members")):
        yield _object(one, f"members.{place}")
    columns = [str(one) for one in _list(parameters.get("columns") or [], "columns")]
    rows = _list(parameters.get("rows") or [], "rows")
    if bool(columns) is not bool(rows):
        raise RuleError("a table takes columns and rows, both of them", hint=_FOR_TABLES)
    if not columns:
        return
    if len(set(columns)) < len(columns) or "name" not in columns:
        raise RuleError("columns must have `name`, and no name twice", hint=_FOR_TABLES)
    for place, one in enumerate(rows):
        cells = _list(one, f"rows.{place}")
        if len(cells) != len(columns):
            raise RuleError(
                f"rows.{place} has {len(cells)} values for {len(columns)} columns", hint=_FOR_TABLES
            )
        yield _of_row(columns, cells)


def _of_row(columns: Sequence[str], cells: Sequence[Any]) -> dict[str, Any]:
    """Return the entry of a row; an empty cell (null) leaves its column to the pack."""
    entry: dict[str, Any] = {"parameters": {}, "rule": {}}
    for column, cell in zip(columns, cells, strict=True):
        head, _, rest = column.partition(".")
        if cell is None:
            continue
        if column == "name":
            entry["name"] = cell
        elif head == "rule" and rest:
            place: dict[str, Any] = entry["rule"]
            *path, last = rest.split(".")
            for step in path:
                inner: Any = place.setdefault(step, {})
                if not isinstance(inner, dict):
                    raise RuleError(f"the column {column} contradicts another", hint=_FOR_TABLES)
                place = cast("dict[str, Any]", inner)
            place[last] = copy.deepcopy(cell)
        else:
            entry["parameters"][column] = cell
    return entry


def _list(given: object, where: str) -> list[Any]:
    if not isinstance(given, list):
        raise RuleError(f"{where} must be a list", hint=_FOR_TABLES)
    return cast("list[Any]", given)


def _object(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise RuleError(f"{where} must be an object with names and values")
    return cast("Mapping[str, Any]", given)
