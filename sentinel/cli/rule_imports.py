"""What the imports of rules share: files read, a report printed, rules rolled out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sentinel.cli.deploy import (
    answer,
    as_json,
    carried_out,
    flow_cache_of,
    receivers_here,
    schedules_here,
    set_prefect_api,
)
from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import json_out, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here
from sentinel.errors import ConfigurationError
from sentinel.printable import counted

if TYPE_CHECKING:
    from sentinel.ingest.reported import Reported
    from sentinel.rollout.plan import Step

__all__ = ["DryRun", "Receivers", "Source", "Tenant", "deployed", "source_of", "texts_of"]

MOST_FILES = 20_000
_MOST_ALIKE = 3
"""Rules with the same note that are printed one by one."""
_ENDINGS = (".yml", ".yaml")

Tenant = Annotated[str, typer.Option(help="Tenant of the rules.")]
Receivers = Annotated[
    list[str] | None,
    typer.Option("--receiver", help="Whom they notify; repeatable.", show_default="as routes say"),
]
Source = Annotated[str, typer.Option(help="What the rules match: event or log.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print report and plan; change nothing.")]


def deployed(
    translated: Callable[[], tuple[Mapping[str, str], Sequence[Reported]]],
    *,
    dry_run: bool,
    json: bool,
) -> None:
    """Translate rules, print the report, and roll out what can be used.

    Args:
        translated: gives the deployment files by name, and the report
        dry_run: whether only the plan is made
        json: whether report and plan are printed as JSON

    Raises:
        Exit: with 1 if a deployment was refused or no rule can be used
    """
    began = time.monotonic()
    files, report = translated()
    if not json:
        _say(report)
    steps = _rolled_out(files, dry_run=dry_run, silent=json)
    seconds = time.monotonic() - began
    if json:
        rollout = as_json(steps, dry_run=dry_run, seconds=seconds)
        json_out({**_report(report), "rollout": rollout})
        if any(step.kind == "refused" for step in steps):
            raise typer.Exit(Exit.FAILED)
    else:
        answer(steps, dry_run=dry_run, json=False, seconds=seconds)
    if not files:
        raise typer.Exit(Exit.FAILED)


def _rolled_out(files: Mapping[str, str], *, dry_run: bool, silent: bool) -> Sequence[Step]:
    """Plan the rollout of some files, and carry it out: over HTTP where an address is given."""
    if not files:
        return []
    if remote_url():
        from sentinel.cli.remote_rollouts import steps_of
        from sentinel.client import rule_files

        return steps_of(rule_files.plan(files), lambda: rule_files.apply(files), dry_run=dry_run)
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.apply import plan_rollout
    from sentinel.rollout.files import read_documents

    settings = settings_here()
    entries = read_documents(files)
    with RolloutApi.of(settings) as api:
        set_prefect_api(settings)
        steps = plan_rollout(
            api, entries, flow_cache_of(settings), receivers=receivers_here(),
            schedules=schedules_here(),
        )  # fmt: skip
        return steps if dry_run else carried_out(api, steps, silent=silent)


def source_of(given: str) -> Literal["event", "log"]:
    """Return what policies match.

    Args:
        given: event or log

    Returns:
        The same.

    Raises:
        ConfigurationError: it is neither
    """
    match given:
        case "event" | "log":
            return given
        case _:
            raise ConfigurationError(f"--source {given!r} is neither event nor log")


def texts_of(paths: Sequence[Path]) -> dict[str, str]:
    """Read files, and of folders all that end in .yml or .yaml.

    Args:
        paths: of files and folders

    Returns:
        The text of each file, by its path.

    Raises:
        ConfigurationError: a file cannot be read, or there are too many
    """
    texts: dict[str, str] = {}
    for path in paths:
        for file in _files(path):
            if len(texts) >= MOST_FILES:
                raise ConfigurationError(
                    f"there are more than {MOST_FILES:,} files", hint="Import folders one by one."
                )
            try:
                texts[str(file)] = file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"{file} cannot be read: {error}") from None
    return texts


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = sorted(one for one in path.rglob("*") if one.suffix in _ENDINGS and one.is_file())
    if not found:
        raise ConfigurationError(f"{path} has no file that ends in {' or '.join(_ENDINGS)}")
    yield from found


def _report(report: Sequence[Reported]) -> dict[str, Any]:
    def named(one: Reported, *fields: str) -> dict[str, Any]:
        found: dict[str, Any] = {"file": one.file, "title": one.title}
        found |= {field: getattr(one, field) for field in fields}
        if one.group:
            found["group"] = one.group
        if one.line:
            found["line"] = one.line
        if one.notes:
            found["notes"] = list(one.notes)
        return found

    return {
        "loaded": [named(one, "rule") for one in report if one.rule],
        "contained": [named(one, "reason") for one in report if not one.rule and not one.refused],
        "refused": [named(one, "reason") for one in report if one.refused],
    }


def _say(report: Sequence[Reported]) -> None:
    loaded = sum(1 for one in report if one.rule)
    refused = [one for one in report if one.refused]
    counts = Counter(note for one in report for note in one.notes)
    for one in report:
        for note in one.notes:
            if counts[note] <= _MOST_ALIKE:
                say(f"{_place(one)}: {one.rule}: {note}")
    for note, count in counts.items():
        if count > _MOST_ALIKE:
            say(f"{counted(count, 'rule')}: {note}")
    for one in refused:
        say(f"{_place(one)}: {one.title or 'a rule'} cannot be used: {one.reason}")
    more = len(report) - loaded - len(refused)
    part = f", {more} only as parts of others" if more else ""
    say(f"{counted(loaded, 'rule')} can be used, {len(refused)} cannot{part}.")


def _place(one: Reported) -> str:
    line = f":{one.line}" if one.line else ""
    return f"{one.file}{line}" + (f", group {one.group}" if one.group else "")
