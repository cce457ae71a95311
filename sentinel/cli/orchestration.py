"""`sentinel orchestration …`: rules for what comes in, tried, replayed, applied, rolled back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.document_versions import (
    Expected,
    HistoryLimit,
    Note,
    Which,
    print_applied,
    print_history,
    print_rolled_back,
    print_version,
    text_of,
)
from sentinel.cli.label_options import labels_given
from sentinel.cli.orchestration_here import orchestration_here
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.duration import format_duration, parse_duration
from sentinel.errors import ConfigurationError
from sentinel.printable import counted

if TYPE_CHECKING:
    from sentinel.orchestration.document import Sample
    from sentinel.store.orchestration.trials import Replay

__all__ = ["Tenant", "commands", "print_replay"]

commands = typer.Typer(
    no_args_is_help=True, help="Rules that change, drop or hold back what comes in."
)

_NOUN = "the orchestration"
_NONE = "There are no rules: alerts open as they are posted."
File = Annotated[Path, typer.Argument(help="YAML file with the rules.", show_default=False)]
Tenant = Annotated[str, typer.Option(help="Name of the tenant.")]


@commands.command()
def apply(
    file: File, message: Note = "", expect: Expected = None, tenant: Tenant = "default",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Make a file the active rules, once the tests in it pass.

    An alert that is live keeps its identity until it is resolved.

    Example:
        sentinel orchestration apply orchestration.yaml -m "staging was loud"
    """
    text = text_of(file)
    with orchestration_here(tenant) as here:
        done = here.apply(text, message, expect)
    print_applied(_NOUN, done, json=json)


@commands.command()
def show(version: Which = None, tenant: Tenant = "default", json: AsJson = False) -> None:
    """Print the active rules, or an earlier version, as YAML.

    Example:
        sentinel orchestration show 3 > orchestration.yaml
    """
    with orchestration_here(tenant) as here:
        found = here.version(version)
    print_version(found, f"Version {found.number} has no rules.", json=json)


@commands.command()
def history(limit: HistoryLimit = 50, tenant: Tenant = "default", json: AsJson = False) -> None:
    """List every version that was applied, the active one first.

    Example:
        sentinel orchestration history
    """
    with orchestration_here(tenant) as here:
        found = here.history(limit)
    print_history(found, _NONE, json=json)


@commands.command()
def rollback(
    version: Annotated[
        int, typer.Argument(help="Number of a version; 0 for no rules.", show_default=False)
    ],
    message: Note = "",
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """Make an earlier version active again, as a new version.

    Example:
        sentinel orchestration rollback 3 -m "it dropped too much"
    """
    with orchestration_here(tenant) as here:
        done = here.rollback(version, message)
    print_rolled_back(_NOUN, version, done, json=json)


@commands.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="YAML files with rules.", show_default="orchestration.yaml"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check files and run the tests in them; needs no database, so that CI can do it.

    A table NAME is read from the file NAME.csv beside the rules.

    Example:
        sentinel orchestration check orchestration.yaml

    Raises:
        ConfigurationError: a file cannot be used, or a test in it fails
    """
    from sentinel.orchestration.tables import Table, table_of
    from sentinel.orchestration.trial import checked

    rows: list[dict[str, object]] = []
    for file in files or [Path("orchestration.yaml")]:

        def table(name: str, folder: Path = file.parent) -> Table | None:
            path = folder / f"{name}.csv"
            return table_of(text_of(path), str(path)) if path.is_file() else None

        try:
            document = checked(text_of(file), table)
        except ConfigurationError as error:
            raise ConfigurationError(f"{file}: {error.message}", hint=error.hint) from None
        rules = sum(1 for _ in document.all_rules())
        rows.append({"file": str(file), "rules": rules, "tests": len(document.tests)})
        if not json:
            say(f"{file}: {counted(rules, 'rule')}, {counted(len(document.tests), 'test')} passed.")
    if json:
        json_out({"items": rows})


@commands.command("test")
def try_alert(
    labels: Annotated[
        list[str],
        typer.Argument(
            help="Labels of an alert as it is posted: env=staging host=a.", show_default=False
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Rules in a file, and not the active ones.",
                     show_default=False),
    ] = None,
    sender: Annotated[str, typer.Option(help="Whose door it comes through.")] = "api",
    severity: Annotated[str, typer.Option(help="Its severity.")] = "",
    title: Annotated[str, typer.Option(help="Its title.")] = "",
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Show what becomes of an alert, and what each rule does; nothing is stored.

    Example:
        sentinel orchestration test alertname=Down env=staging --severity critical
    """
    sample = _sample(labels_given(labels), sender, severity, title)
    with orchestration_here(tenant) as here:
        found = here.tried(sample, None if file is None else text_of(file))
    if json:
        json_out(found)
        return
    given = found.given
    match found.verdict:
        case "drop":
            say(f"Dropped by the rule {found.by!r}.")
        case "hold":
            length = format_duration(found.hold or timedelta())
            say(f"Held back until it has lasted {length}, by the rule {found.by!r}.")
        case _:
            say("Passes.")
    for step in found.steps:
        say(f"  {step.rule}")
        for field, (was, now) in step.changed.items():
            say(f"    {field}: {was!r} -> {now!r}")
        for error in step.errors:
            say(f"    cannot: {error}")
    shown = ", ".join(f"{name}={text}" for name, text in given.labels.items())
    say(f"Labels: {shown}")
    say(f"Severity: {given.severity or 'of the rule'}. Owner: {given.owner or 'nobody'}.")


@commands.command()
def replay(
    file: File,
    since: Annotated[
        timedelta,
        typer.Option(parser=parse_duration, metavar="LENGTH", help="Of the last 7d, say."),
    ] = timedelta(days=7),
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """Compare a file with the active rules over the alerts that came in.

    Example:
        sentinel orchestration replay orchestration.yaml --since 30d
    """
    draft = text_of(file)
    with orchestration_here(tenant) as here:
        found = here.replay(draft, since)
    if json:
        json_out(found)
        return
    print_replay(found, f"in the last {format_duration(since)}")


def print_replay(found: Replay, when: str) -> None:
    """Print what a draft would have made of what came in.

    Args:
        found: the comparison
        when: as within a sentence
    """
    say(f"Of {found.alerts:,} different alerts that came in {when}, {found.changed:,} differ.")
    if found.cut:
        say("Older alerts of that time were left out.")
    words = (("pass", "pass"), ("hold", "are held back"), ("drop", "are dropped"))
    for verdict, said in words:
        before, after = found.before.get(verdict, 0), found.after.get(verdict, 0)
        if before or after:
            say(f"  {before:,} {said} now; {after:,} would.")
    if found.rules:
        print_table(["RULE OF THE DRAFT", "ALERTS"], [*found.rules.items()], empty="")
    for rule, count in found.errors.items():
        say(f"The rule {rule!r} could not do something for {counted(count, 'alert')}.")
    for one in found.examples:
        labels = ", ".join(f"{name}={text}" for name, text in one.labels.items())
        say(f"{one.sender} {{{labels}}}")
        for field, (was, now) in one.changes.items():
            say(f"    {field}: {was!r} -> {now!r}")


def _sample(labels: dict[str, str], sender: str, severity: str, title: str) -> Sample:
    from pydantic import ValidationError

    from sentinel.orchestration.document import Sample
    from sentinel.validation_messages import validation_message

    try:
        return Sample.model_validate(
            {"labels": labels, "sender": sender, "severity": severity, "title": title}
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{where}: {validation_message(first, Sample)}") from None
