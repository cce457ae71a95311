"""Checking a `prefect.yaml` before it is rolled out: `python -m sentinel.lint prefect.yaml`.

It says what `prefect deploy` would refuse late or not at all: two rules of one name, a period
that is not the schedule's, an anchor that moves with each deploy, a schedule whose switch
would be turned on again. Deployments that have nothing to do with Sentinel are left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml
from pydantic import TypeAdapter, ValidationError, create_model

from sentinel.catalog import find
from sentinel.duration import format_duration
from sentinel.errors import TriggerError
from sentinel.rule import Rule
from sentinel.schedule import anchor_for
from sentinel.trigger import Trigger

__all__ = ["Problem", "lint_file", "main"]

RULES = "flows.rules."
OURS = "flows."
_INTERVAL: TypeAdapter[timedelta] = TypeAdapter(timedelta)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that would go wrong.

    Attributes:
        file: as it was given
        deployment: its name, or its place in the file where it has none
        what: what is wrong and what to do, one sentence
    """

    file: str
    deployment: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.deployment + ': ' if self.deployment else ''}{self.what}"


def lint_file(path: Path | str) -> list[Problem]:
    """Everything that is wrong with the file, in its order; empty where all is well.

    Args:
        path: a `prefect.yaml`
    """
    file = str(path)

    def say(what: str, deployment: str = "") -> Problem:
        return Problem(file=file, deployment=deployment, what=what)

    try:
        text = Path(path).read_text(encoding="utf-8")
        content: object = yaml.safe_load(text)
    except FileNotFoundError:
        return [say("there is no such file")]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [say(f"it cannot be read as YAML: {' '.join(str(error).split())}")]
    whole = cast("Mapping[str, Any]", content if isinstance(content, dict) else {})
    entries: object = whole.get("deployments")
    if not isinstance(entries, list):
        return [say("it has no list of `deployments`")]
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for place, entry in enumerate(cast("list[object]", entries), start=1):
        if not isinstance(entry, dict):
            problems.append(say("it is no deployment: write name, entrypoint, …", f"entry {place}"))
            continue
        deployment = cast("dict[str, Any]", entry)
        name = str(deployment.get("name") or f"entry {place}")
        entrypoint = str(deployment.get("entrypoint") or "")
        if not entrypoint.startswith(OURS):
            continue
        found = [*_common(deployment, name, whole), *_schedules(deployment, name)]
        if entrypoint.startswith(RULES):
            found += _rule(deployment, name, entrypoint.removeprefix(RULES))
        if name in seen:
            found.append(f"another deployment has this name too ({seen[name]}); rename one")
        seen[name] = entrypoint
        problems += [say(what, name) for what in found]
    return problems


def _common(deployment: Mapping[str, Any], name: str, whole: Mapping[str, Any]) -> Iterator[str]:
    if not deployment.get("name"):
        yield "it has no name"
    if deployment.get("pull", whole.get("pull")) != []:
        yield "write `pull: []`; without it this machine's folder is stored in the deployment"
    pool: Any = deployment.get("work_pool")
    if not isinstance(pool, Mapping) or not cast("Mapping[str, Any]", pool).get("name"):
        yield "it names no work pool; write `work_pool: {name: sentinel}`"


def _schedules(deployment: Mapping[str, Any], name: str) -> Iterator[str]:
    slugs: set[str] = set()
    for schedule in _list(deployment.get("schedules")):
        slug = str(schedule.get("slug") or "")
        if not slug:
            yield "a schedule has no slug, so that each deploy would switch it on again"
        elif slug in slugs:
            yield f"two schedules have the slug {slug!r}"
        slugs.add(slug)
        if "interval" not in schedule:
            continue
        interval = _interval(schedule["interval"])
        if interval is None or interval <= timedelta(0):
            yield f"the schedule's interval {schedule['interval']!r} is no length of time"
            continue
        right = anchor_for(name, interval)
        if _moment(schedule.get("anchor_date")) != right:
            yield (
                f"anchor_date is {schedule.get('anchor_date')!s}; "
                f'write anchor_date: "{right.isoformat()}", which follows from the name'
            )


def _rule(deployment: Mapping[str, Any], name: str, trigger_name: str) -> Iterator[str]:
    parameters: Any = deployment.get("parameters")
    if not isinstance(parameters, Mapping) or "rule" not in parameters:
        yield "it has no parameter `rule`"
        return
    given = dict(cast("Mapping[str, Any]", parameters))
    written = given.pop("rule")
    try:
        rule = Rule.model_validate(written)
    except ValidationError as error:
        yield from _said(error, "rule")
        rule = None
    try:
        yield from _said_by(find(trigger_name), given)
    except TriggerError as error:
        yield str(error)
    if rule is None:
        return
    if rule.name != name:
        yield f"its rule is named {rule.name!r}; give both the same name"
    intervals = [_interval(one.get("interval")) for one in _list(deployment.get("schedules"))]
    for interval in intervals:
        if interval is None:
            continue
        if rule.every is None:
            yield f"rule.every is missing; write every: {format_duration(interval)}"
        elif rule.every != interval:
            yield (
                f"rule.every is {format_duration(rule.every)}, the schedule's interval "
                f"{format_duration(interval)}; write the same in both"
            )


def _said_by(trigger: Trigger[..., Any], given: Mapping[str, Any]) -> Iterator[str]:
    """What the trigger's own parameters do not take."""
    known = {parameter.name for parameter in trigger.parameters}
    for name in given:
        if name not in known:
            yield f"{trigger.name} has no parameter {name!r}; it has {', '.join(sorted(known))}"
    fields: dict[str, Any] = {
        one.name: (one.annotation, ... if one.default is one.empty else one.default)
        for one in trigger.parameters
    }
    form = create_model("Form", **fields)
    try:
        form.model_validate({name: value for name, value in given.items() if name in known})
    except ValidationError as error:
        yield from _said(error, "")


def _said(error: ValidationError, within: str) -> Iterator[str]:
    for one in error.errors():
        place = ".".join([*([within] if within else []), *map(str, one["loc"])])
        message = one["msg"].removeprefix("Value error, ")
        got = "" if isinstance(one["input"], dict) else f", got {one['input']!r:.80}"
        yield f"{place}: {message}{got}"


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list):
        return []
    entries = cast("list[object]", value)
    return [cast("Mapping[str, Any]", one) for one in entries if isinstance(one, Mapping)]


def _interval(value: object) -> timedelta | None:
    """An interval as Prefect reads it: seconds, or ISO 8601 text."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return _INTERVAL.validate_python(value)
    except ValidationError:
        return None


def _moment(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    # YAML reads a moment without quotes as one in UTC, with no timezone.
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def main(arguments: list[str]) -> int:
    """Lint the files named, `prefect.yaml` where none is; print what is wrong.

    Returns:
        1 where something is wrong, else 0.
    """
    problems = [one for path in arguments or ["prefect.yaml"] for one in lint_file(path)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
