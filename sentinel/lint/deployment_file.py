"""Checking a `prefect.yaml` before it is rolled out: `python -m sentinel.lint prefect.yaml`.

It says what `prefect deploy` would refuse late or not at all: two rules of one name, a period
that is not the schedule's, an anchor that moves with each deploy, a schedule whose switch
would be turned on again, a text with a name that nothing fills in. Deployments that have
nothing to do with Sentinel are left alone.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
from pydantic import TypeAdapter, ValidationError

from sentinel.duration import format_duration
from sentinel.lint.clock_changes import refused, warned
from sentinel.lint.pack import rules_in_pack
from sentinel.lint.rule import about_rule, doubts, providers_in, rule_in
from sentinel.lint.yaml_lines import Lines, read
from sentinel.oncall.known_names import unknown_in_escalation
from sentinel.printable import printable
from sentinel.rules.rule import Rule
from sentinel.timing.schedule import anchor_for

__all__ = ["Problem", "lint_entries", "lint_file", "lint_files", "main"]

RULES = "flows.rules."
OURS = "flows."
_INTERVAL: TypeAdapter[timedelta] = TypeAdapter(timedelta)
_RECEIVER = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
"""What the store takes for a receiver's name."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that would go wrong.

    Attributes:
        file: as it was given
        deployment: its name, or its place in the file where it has none
        what: what is wrong and what to do
        warning: it may be right; only the database knows
        line: in the file, from 1; 0 where it is about the file as a whole
    """

    file: str
    deployment: str
    what: str
    warning: bool = False
    line: int = 0

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        place = f"{self.file}{line}: {self.deployment + ': ' if self.deployment else ''}"
        return f"{place}{'warning: ' if self.warning else ''}{self.what}"


def lint_file(path: Path | str) -> list[Problem]:
    """Return everything that is wrong with one file: see `lint_files`."""
    return lint_files([path])


def lint_files(
    paths: Sequence[Path | str],
    receivers: Collection[str] = (),
    schedules: Collection[str] | None = None,
) -> list[Problem]:
    """Check files that are rolled out together: no two of their rules may have one name.

    Args:
        paths: each a `prefect.yaml`; a file named twice is read once
        receivers: names of receivers that the database is known to have, beside `default`
        schedules: names of those in the on-call document; None where nobody knows

    Returns:
        Everything that is wrong with the files, in their order, then the warnings.
    """
    linter = _Linter(receivers, schedules)
    read: set[Path] = set()
    for path in paths:
        if Path(path).resolve() not in read:
            read.add(Path(path).resolve())
            linter.read(path)
    return [*linter.problems, *linter.doubts, *linter.about_receivers({"default", *receivers})]


def lint_entries(
    entries: Iterable[tuple[str, int, Mapping[str, Any], Mapping[str, Any]]],
    receivers: Collection[str] | None = None,
    schedules: Collection[str] | None = None,
) -> list[Problem]:
    """Check entries that have been read already.

    Args:
        entries: of each its file, its place there from 1, itself, and the file's mapping
        receivers: names of those that there are, beside `default`; None where nobody knows
        schedules: names of those in the on-call document; None where nobody knows

    Returns:
        Everything that is wrong with them, in their order; no warnings.
    """
    linter = _Linter(receivers, schedules)
    for file, place, deployment, whole in entries:
        linter.take(file, dict(deployment), place, whole)
    if receivers is None:
        return linter.problems
    return [*linter.problems, *linter.about_receivers({"default", *receivers})]


class _Linter:
    """Checks one file after the other, and remembers what they name."""

    def __init__(
        self, receivers: Collection[str] | None, schedules: Collection[str] | None
    ) -> None:
        self._receivers, self._schedules = receivers, schedules
        self.problems: list[Problem] = []
        self.doubts: list[Problem] = []
        self._seen: dict[str, tuple[str, str]] = {}
        self._named: dict[str, list[tuple[str, str, int]]] = {}
        self._lines: dict[str, Lines] = {}

    def read(self, path: Path | str) -> None:
        """Check one file, alone and against those before it."""
        file = str(path)
        found = read(path)
        if isinstance(found, str):
            self._say(file, found)
            return
        content, self._lines[file] = found
        entries: object = content.get("deployments")
        if not isinstance(entries, list):
            self._say(file, "it has no list of `deployments`")
            return
        for place, entry in enumerate(cast("list[object]", entries), start=1):
            if not isinstance(entry, dict):
                self._say(
                    file, "it is no deployment: write name, entrypoint, …", f"entry {place}", place
                )
                continue
            self.take(file, cast("dict[str, Any]", entry), place, content)

    def take(
        self, file: str, deployment: dict[str, Any], place: int, whole: Mapping[str, Any]
    ) -> None:
        """Check one entry, alone and against those before it."""
        given = str(deployment.get("name") or "")
        name = given or f"entry {place}"
        entrypoint = str(deployment.get("entrypoint") or "")
        if not entrypoint.startswith(OURS):
            return
        found = [*_common(deployment, name, whole), *_schedules(deployment, name)]
        if entrypoint.startswith(RULES):
            rule = rule_in(deployment)
            trigger_name = entrypoint.removeprefix(RULES)
            found += about_rule(deployment, rule, name, trigger_name)
            if isinstance(rule, Rule):
                found += _periods(rule, deployment)
                found += [
                    f"rule.{what}"
                    for what in unknown_in_escalation(
                        rule.escalation_rules, self._receivers, self._schedules
                    )
                ]
                for what in (*doubts(rule, trigger_name), *_about_clocks(deployment)):
                    line = self._line(file, place, "rule.name")
                    self.doubts.append(
                        Problem(file=file, deployment=name, what=what, warning=True, line=line)
                    )
            packed = rules_in_pack(deployment)
            named = rule.receivers if isinstance(rule, Rule) else []
            named = [*named, *dict.fromkeys(each for one in packed for each in one.receivers)]
            for receiver in dict.fromkeys([*named, *providers_in(deployment)]):
                self._named.setdefault(receiver, []).append((file, name, place))
            found += [
                what for one in packed for what in self._taken(one.name, f"{name}, a pack", file)
            ]
        self.doubts += [
            Problem(
                file=file, deployment=name, what=what, warning=True,
                line=self._line(file, place, what),
            )
            for what in _anchors(deployment, name)
        ]  # fmt: skip
        found += [f"another deployment {one}" for one in self._taken(given, entrypoint, file, "")]
        for what in found:
            self._say(file, what, name, place)

    def _taken(self, name: str, by: str, file: str, whose: str | None = None) -> Iterator[str]:
        """Note a name; yield where another deployment or rule of a pack has it."""
        if name in self._seen:
            other, where = self._seen[name]
            place = other if where == file else f"{other} in {where}"
            about = f"members: another rule than {name!r} " if whose is None else whose
            yield f"{about}has this name too ({place}); rename one"
        elif name:
            self._seen[name] = (by, file)

    def _say(self, file: str, what: str, deployment: str = "", place: int = 0) -> None:
        line = self._line(file, place, what)
        self.problems.append(Problem(file=file, deployment=deployment, what=what, line=line))

    def _line(self, file: str, place: int, what: str) -> int:
        return self._lines[file].of(place, what) if file in self._lines else 0

    def about_receivers(self, known: Collection[str]) -> Iterator[Problem]:
        """Yield an error for each receiver that is named and not known."""
        for name, rules in self._named.items():
            if name in known:
                continue
            (file, first, place), *others = rules
            too = f", and so do {', '.join(rule for _, rule, _ in others)}" if others else ""
            line = self._line(file, place, "rule.receivers")
            if not _RECEIVER.fullmatch(name):
                yield Problem(
                    file=file,
                    line=line,
                    deployment=first,
                    what=f"it notifies {name!r}{too}, which cannot be a receiver's name; "
                    "use small letters, digits, '-', '_' and '.'",
                )
                continue
            yield Problem(
                file=file,
                line=line,
                deployment=first,
                what=f"it notifies the receiver {name!r}{too}, which is not known. Make it with "
                f"`sentinel receiver set {name} --channel inbox`, and name it here with "
                f"`--receiver {name}`; where it does not exist, 'default' is notified instead",
            )


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
            yield f"the schedule's interval {schedule['interval']!r} is not a duration"
            continue
        yield from refused(schedule, interval, anchor_for(name, interval))


def _anchors(deployment: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield doubts about anchors: rules are spread over their period by anchors from the name."""
    for schedule in _list(deployment.get("schedules")):
        interval = _interval(schedule["interval"]) if "interval" in schedule else None
        if interval is None or interval <= timedelta(0):
            continue
        right, given = anchor_for(name, interval), schedule.get("anchor_date")
        if given is None:
            yield (
                f'it has no anchor_date; write anchor_date: "{right.isoformat()}", which follows '
                "from the name. `sentinel deploy` fills it in; `prefect deploy` begins the "
                "schedule anew with each deploy"
            )
        elif _moment(given) != right:
            yield (
                f"anchor_date is {given!s}, which holds; "
                f'anchor_date: "{right.isoformat()}" follows from the name and spreads rules '
                "evenly over their period"
            )


def _about_clocks(deployment: Mapping[str, Any]) -> Iterator[str]:
    for schedule in _list(deployment.get("schedules")):
        yield from warned(schedule, datetime.now(UTC))


def _periods(rule: Rule, deployment: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the rule's period is not its schedule's."""
    for schedule in _list(deployment.get("schedules")):
        interval = _interval(schedule.get("interval"))
        if interval is None:
            continue
        if rule.every is None:
            yield f"rule.every is missing; write every: {format_duration(interval)}"
        elif rule.every != interval:
            yield (
                f"rule.every is {format_duration(rule.every)}, the schedule's interval "
                f"{format_duration(interval)}; write the same in both"
            )


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list):
        return []
    entries = cast("list[object]", value)
    return [cast("Mapping[str, Any]", one) for one in entries if isinstance(one, Mapping)]


def _interval(value: object) -> timedelta | None:
    """Return an interval as Prefect reads it: seconds, or ISO 8601 text."""
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


HELP = """\
Check prefect.yaml files before they are rolled out. Nothing is started and nothing is asked of
a server or database; the triggers that the rules name are imported.

It says what `prefect deploy` would refuse late or not at all:
  - two rules of one name, in one file or in several
  - rule.every that is not the schedule's interval
  - an interval of a day or more in a zone whose clocks change
  - a missing slug, pull or work pool
  - parameters that the trigger does not take or cannot use, fields that a rule does not have
  - event policies that cannot be used, alone or together
  - a {name} in summary, description or another text that nothing will fill in
Deployments that are not Sentinel's (their entrypoint is not flows.…) are left alone."""

EXAMPLES = """\
examples:
  python -m sentinel.lint                                    prefect.yaml in this folder
  python -m sentinel.lint prefect.yaml deployments/*.yaml    all that are rolled out together
  python -m sentinel.lint --receiver ops prefect.yaml        the database has a receiver `ops`

It prints one line for each finding and nothing when all is well. Lines with `warning:` are
about what only the database, or a run, knows. Exit codes: 0 nothing wrong (warnings at most),
1 something is wrong, 2 wrong usage. Every field of a rule is in docs/reference/rules.md."""


def main(arguments: list[str]) -> int:
    """Lint the files named, `prefect.yaml` where none is; print what is wrong.

    Returns:
        1 where something is wrong, else 0; warnings alone are not wrong.

    Raises:
        SystemExit: 0 after `--help`, 2 for wrong usage
    """
    parser = argparse.ArgumentParser(
        prog="python -m sentinel.lint",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="*", default=["prefect.yaml"], metavar="FILE", help="default: prefect.yaml"
    )
    parser.add_argument(
        "--receiver",
        action="append",
        default=[],
        metavar="NAME",
        help="a receiver that the database has, so that rules may name it; repeatable",
    )
    given = parser.parse_args(arguments)
    problems = lint_files(given.files, given.receiver)
    for problem in problems:
        print(printable(str(problem)))
    return 1 if any(not problem.warning for problem in problems) else 0
