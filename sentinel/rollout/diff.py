"""Compare the desired state of a deployment with its state in Prefect. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from sentinel.rollout.desired import Desired

__all__ = ["Difference", "automations_differ", "differences"]

_MISSING = object()
_PLAIN = (
    "description", "entrypoint", "version", "path", "pull_steps", "work_pool_name",
    "job_variables", "enforce_parameter_schema",
)  # fmt: skip
_DIGEST = re.compile("[0-9a-f]{32}")
"""The version of a rule's flow, as `flows.rules` makes it."""
# Sets of an Automation's trigger: Prefect returns them as lists, in another order after a restart.
_SETS = {"after", "expect", "for_each"}
_OF_CODE = {"version", "form"}
"""Places that change with the code, not with the file."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between Prefect and the file.

    Attributes:
        place: dotted path of the field in the file
        there: the value in Prefect, or None
        here: the value in the file, or None
        hidden: whether both values are left out, as they may hold secrets
    """

    place: str
    there: Any = None
    here: Any = None
    hidden: bool = False

    @property
    def of_code(self) -> bool:
        """Whether the difference comes from the code and not from the file."""
        return self.place in _OF_CODE

    def __str__(self) -> str:
        if self.hidden:
            return f"{self.place}: differs; both values are left out, as they may hold secrets"
        return f"{self.place}: {_shown(self.there)} in Prefect, {_shown(self.here)} in the file"


def differences(desired: Desired, live: Mapping[str, Any]) -> list[Difference]:
    """Return all differences, in the order of the fields in a file.

    Args:
        desired: the desired state, from a file
        live: the deployment, as Prefect's API returns it

    Returns:
        The differences; empty if the deployment is as desired.
    """
    body = desired.body
    found = [*_between("parameters", live.get("parameters") or {}, body["parameters"])]
    for name in _PLAIN:
        there, here = live.get(name), body[name]
        if name in ("pull_steps", "job_variables"):
            there, here = there or type(here)(), here
        if name == "version" and _of_commit(there, here):
            continue
        if there != here:
            found.append(Difference(place=name, there=there, here=here))
    if sorted(live.get("tags") or []) != sorted(body["tags"]):
        found.append(Difference(place="tags", there=live.get("tags"), here=body["tags"]))
    queue = body["work_queue_name"] or "default"
    if live.get("work_queue_name") != queue:
        there = live.get("work_queue_name")
        found.append(Difference(place="work_queue_name", there=there, here=queue))
    found += _limits(body, live)
    found += _schedules(body["schedules"], live.get("schedules") or [])
    if live.get("parameter_openapi_schema") != body["parameter_openapi_schema"]:
        found.append(Difference(place="form", there="another form", here="the form of its code"))
    return found


def _of_commit(there: object, here: object) -> bool:
    """Return whether `prefect deploy` set the version: to the commit, not to ours of the code."""
    # Both stand for the same code as far as anybody can tell; workers load what there is.
    ours = isinstance(here, str) and _DIGEST.fullmatch(here) is not None
    return ours and not (isinstance(there, str) and _DIGEST.fullmatch(there))


def _limits(body: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    shared: dict[str, Any] = live.get("global_concurrency_limit") or {}
    limit = shared.get("limit")
    if limit != body["concurrency_limit"]:
        yield Difference(place="concurrency_limit", there=limit, here=body["concurrency_limit"])
    there: dict[str, Any] = live.get("concurrency_options") or {}
    here: dict[str, Any] = body["concurrency_options"] or {}
    if any(there.get(name) != value for name, value in here.items()) or (there and not here):
        yield Difference(place="concurrency_options", there=there, here=here)


def _schedules(
    here: Sequence[Mapping[str, Any]], there: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    """Compare schedules by slug, else by position; whether one is active is up to its user."""
    left = dict(_by_slug(there))
    for slug, one in _by_slug(here):
        place = f"schedules.{slug}"
        other = left.pop(slug, None)
        if other is None:
            yield Difference(place=place, here=one["schedule"])
            continue
        was = _normal(other["schedule"])
        for name, value in _normal(one["schedule"]).items():
            if was.get(name) != value:
                yield Difference(place=f"{place}.{name}", there=was.get(name), here=value)
        # A schedule of another kind has other fields, for example the text of a cron.
        kind = {"interval", "cron", "rrule"}
        if set(was) & kind != set(one["schedule"]) & kind:
            yield Difference(place=place, there=other["schedule"], here=one["schedule"])
        given: Any = one.get("parameters") or {}
        yield from _between(f"{place}.parameters", other.get("parameters") or {}, given)
    for slug, other in left.items():
        yield Difference(place=f"schedules.{slug}", there=other["schedule"])


def _by_slug(schedules: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, one in enumerate(schedules):
        yield str(one.get("slug") or number), one


def _normal(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schedule with its values normalized, so that equal schedules compare equal."""
    made = dict(schedule)
    if isinstance(made.get("anchor_date"), str):
        made["anchor_date"] = datetime.fromisoformat(made["anchor_date"]).astimezone(UTC)
    if "interval" in made:
        made["interval"] = float(made["interval"])
    if "cron" in made or "rrule" in made:
        made["timezone"] = made.get("timezone") or "UTC"
    if "rrule" in made:
        # Prefect adds this to a rule without a start.
        made["rrule"] = str(made["rrule"]).removeprefix("DTSTART:20200101T000000\n")
    return made


def _between(place: str, there: Any, here: Any) -> Iterator[Difference]:
    """Yield the differences of two JSON values, recursively where both are objects."""
    if isinstance(there, dict) and isinstance(here, dict):
        was, becomes = cast("dict[str, Any]", there), cast("dict[str, Any]", here)
        for name in dict.fromkeys([*becomes, *was]):
            inner = name if place == "parameters" else f"{place}.{name}"
            yield from _between(inner, was.get(name, _MISSING), becomes.get(name, _MISSING))
    elif there is _MISSING or here is _MISSING or there != here:
        yield Difference(
            place=place,
            there=None if there is _MISSING else there,
            here=None if here is _MISSING else here,
        )


def automations_differ(
    desired: Sequence[Mapping[str, Any]], live: Sequence[Mapping[str, Any]]
) -> bool:
    """Return whether Automations differ; whether one is enabled is up to its user.

    Args:
        desired: the desired Automations, with the id of their deployment
        live: the Automations of the same names, as Prefect's API returns them

    Returns:
        True if at least one differs or is missing.
    """
    known = {str(one["name"]): one for one in live}
    return len(known) != len(live) or any(
        str(one["name"]) not in known or not _same(one, known[str(one["name"])]) for one in desired
    )


def _same(here: Any, there: Any) -> bool:
    """Return whether `there` has everything in `here`; fields that the server adds are ignored."""
    if isinstance(here, dict):
        inner = cast("dict[str, Any]", here)
        other = cast("dict[str, Any]", there) if isinstance(there, dict) else None
        return other is not None and all(
            name in ("id", "enabled", "owner_resource")
            or (name in _SETS and _same(_sorted(value), _sorted(other.get(name))))
            or _same(value, other.get(name))
            for name, value in inner.items()
        )
    if isinstance(here, list):
        values, others = cast("list[Any]", here), there
        if not isinstance(others, list) or len(values) != len(cast("list[Any]", others)):
            return False
        return all(_same(a, b) for a, b in zip(values, cast("list[Any]", others), strict=True))
    return here == there or (not here and not there)


def _sorted(value: Any) -> Any:
    if not isinstance(value, (list, tuple, set, frozenset)):
        return value
    return sorted(cast("Collection[Any]", value), key=str)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, datetime):
        return value.isoformat()
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= 200 else text[:199] + "…"
