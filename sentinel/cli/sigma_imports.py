"""`sentinel import sigma`: rules of Sigma as event policies, deployed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
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
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here
from sentinel.errors import ConfigurationError
from sentinel.tenant import checked_tenant

if TYPE_CHECKING:
    from sentinel.ingest.sigma.reading import Reported
    from sentinel.rollout.plan import Step

__all__ = ["add_to"]

MOST_FILES = 20_000
_ENDINGS = (".yml", ".yaml")


def add_to(commands: typer.Typer) -> None:
    """Add `sigma` to the imports."""
    commands.command()(sigma)


def sigma(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE", help="Rules of Sigma; of a folder, all .yml and .yaml in it.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="Of the deployment.")] = "sigma",
    tenant: Annotated[str, typer.Option(help="Tenant of the events.")] = "default",
    source: Annotated[
        str, typer.Option(help="What the rules match: event or log.")
    ] = "event",
    receiver: Annotated[
        list[str] | None,
        typer.Option(help="Whom they notify; repeatable.", show_default="as routes say"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print report and plan; change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Translate Sigma rules, correlations and filters into event policies, and deploy them.

    Each rule becomes a rule of Sentinel named after its id, so that importing again changes what
    changed and makes nothing twice. A rule that cannot be used is reported with the reason; the
    others are deployed. With an address, they are translated here and deployed there.

    Exits with 1 if a deployment was refused or no rule can be used.

    Examples:
        sentinel import sigma rules/ --dry-run

        sentinel --url https://sentinel.example.com import sigma rules/linux --name sigma-linux

    Raises:
        ConfigurationError: a file cannot be read, or there are too many rules
        Exit: with 1 if a deployment was refused or no rule can be used
    """
    from sentinel.ingest.sigma.reading import imported_sigma
    from sentinel.rollout.policy_files import policy_files

    checked_tenant(tenant)
    began = time.monotonic()
    found = imported_sigma(_texts(paths), source=_source(source))
    files = policy_files(
        name, found.policies, project="sigma", tenant=tenant, receivers=receiver or ()
    )
    if not json:
        _say(found.report)
    steps = _rolled_out(files, dry_run=dry_run, silent=json)
    seconds = time.monotonic() - began
    if json:
        rollout = as_json(steps, dry_run=dry_run, seconds=seconds)
        json_out({**_report(found.report), "rollout": rollout})
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


def _source(given: str) -> Literal["event", "log"]:
    match given:
        case "event" | "log":
            return given
        case _:
            raise ConfigurationError(f"--source {given!r} is neither event nor log")


def _texts(paths: Sequence[Path]) -> dict[str, str]:
    """Return the text of each file, by its path."""
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
    def named(one: Reported, *fields: str) -> dict[str, str]:
        return {field: getattr(one, field) for field in ("file", "title", *fields)}

    return {
        "loaded": [named(one, "rule") for one in report if one.rule],
        "contained": [named(one, "reason") for one in report if not one.rule and not one.refused],
        "refused": [named(one, "reason") for one in report if one.refused],
    }


def _say(report: Sequence[Reported]) -> None:
    loaded = sum(1 for one in report if one.rule)
    refused = [one for one in report if one.refused]
    for one in refused:
        say(f"{one.file}: {one.title or 'a rule'} cannot be used: {one.reason}")
    more = len(report) - loaded - len(refused)
    part = f", {more} only as parts of others" if more else ""
    say(f"{loaded} rules can be used, {len(refused)} cannot{part}.")
