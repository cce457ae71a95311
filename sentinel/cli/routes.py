"""`sentinel route …`: the routing tree as YAML, its versions, and what it does to an alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

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
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.routes_here import draft_tree, routes_here
from sentinel.duration import format_duration, parse_duration
from sentinel.errors import ConfigurationError
from sentinel.printable import counted

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Routes: which receivers an alert notifies, by its labels."
)

_NOUN = "the routes"
File = Annotated[Path, typer.Argument(help="YAML file with the routes.", show_default=False)]


@commands.command()
def apply(
    file: File,
    message: Note = "",
    expect: Expected = None,
    json: AsJson = False,
) -> None:
    """Make a file the active routes, once the tests in it pass.

    Alerts that are open stay in their groups; what opens from now on goes by the new routes.

    Example:
        sentinel route apply routes.yaml -m "the db team has a pager"
    """
    text = text_of(file)
    with routes_here() as routes:
        done = routes.apply(text, message, expect)
    print_applied(_NOUN, done, json=json)


@commands.command()
def show(
    version: Which = None,
    json: AsJson = False,
) -> None:
    """Print the active routes, or an earlier version, as YAML.

    Example:
        sentinel route show 3 > routes.yaml
    """
    with routes_here() as routes:
        found = routes.version(version)
    empty = f"Version {found.number} has no routes: alerts notify the receivers of their rules."
    print_version(found, empty, json=json)


@commands.command()
def history(
    limit: HistoryLimit = 50,
    json: AsJson = False,
) -> None:
    """List every version that was applied, the active one first.

    Example:
        sentinel route history
    """
    with routes_here() as routes:
        found = routes.history(limit)
    print_history(
        found, "There are no routes: alerts notify the receivers of their rules.", json=json
    )


@commands.command()
def rollback(
    version: Annotated[
        int, typer.Argument(help="Number of a version; 0 for no routes.", show_default=False)
    ],
    message: Note = "",
    json: AsJson = False,
) -> None:
    """Make an earlier version active again, as a new version.

    Example:
        sentinel route rollback 3 -m "the pager was too loud"
    """
    with routes_here() as routes:
        done = routes.rollback(version, message)
    print_rolled_back(_NOUN, version, done, json=json)


@commands.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="YAML files with routes.", show_default="routes.yaml"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check files and run the tests in them; needs no database, so that CI can do it.

    Example:
        sentinel route check routes.yaml

    Raises:
        ConfigurationError: a file cannot be used, or a test in it fails
    """
    from sentinel.notifications.route_trial import checked

    rows: list[dict[str, object]] = []
    for file in files or [Path("routes.yaml")]:
        try:
            document = checked(text_of(file))
        except ConfigurationError as error:
            raise ConfigurationError(f"{file}: {error.message}", hint=error.hint) from None
        routes = sum(1 for _ in document.route.below())
        rows.append({"file": str(file), "routes": routes, "tests": len(document.tests)})
        if not json:
            say(
                f"{file}: {counted(routes, 'route')}, {counted(len(document.tests), 'test')} "
                f"passed."
            )
    if json:
        json_out({"items": rows})


@commands.command("test")
def try_labels(
    labels: Annotated[
        list[str],
        typer.Argument(
            help="Labels of an alert: team=db severity=critical rule=disk-full.",
            show_default=False,
        ),
    ],
    at: Annotated[
        str, typer.Option("--at", help="When it opens: 2026-12-24T18:00+01:00; now if left out.")
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Routes in a file, and not the active ones.",
                     show_default=False),
    ] = None,
    messages: Annotated[int, typer.Option(min=1, max=20, help="So many messages.")] = 3,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Show the way of an alert, whether it is muted, and the times of its messages.

    The alert goes on firing and nobody acknowledges it. Where `rule` names a rule that exists, its
    receivers, times and limits count.

    Example:
        sentinel route test team=db severity=critical --at 2026-12-24T18:00+01:00
    """
    from sentinel.notifications.route_trial import tried

    given, draft = labels_given(labels), None if file is None else text_of(file)
    moment = _moment(at) if at else None
    # With a file and without a rule nothing is asked of a database, which there may not be.
    if draft is None or "rule" in given:
        with routes_here() as routes:
            found = routes.tried(given, moment, messages, draft)
    else:
        found = tried(draft_tree(draft), None, given, moment or datetime.now(UTC), messages)
    if json:
        json_out(found)
        return
    for one in found.looked_at:
        said = "matches" if one.matched else "differs"
        say(f"{'  ' * one.depth}{said}  {{{one.matchers}}}")
    for one in found.ways:
        say("")
        grouped = ", ".join(f"{name}={text}" for name, text in one.labels.items())
        muted = ", muted at first" if one.muted else ""
        whom = ", ".join(one.receivers) or "nobody"
        way = one.route or "none"
        say(f"Notifies {whom}, by route {way}, grouped by {grouped or 'nothing'}{muted}.")
        by = one.escalation or one.escalated_by.get("escalation")
        if by:
            say(f"Escalation policy: {by}.")
        for step in one.steps:
            say(f"  {step.text}")


@commands.command()
def diff(
    file: File,
    since: Annotated[
        timedelta,
        typer.Option(parser=parse_duration, metavar="LENGTH", help="Alerts of the last 7d, say."),
    ] = timedelta(days=7),
    json: AsJson = False,
) -> None:
    """Compare a file with the active routes over the alerts of the last days.

    Example:
        sentinel route diff routes.yaml --since 30d
    """
    draft = text_of(file)
    with routes_here() as routes:
        found = routes.diff(draft, since)
    if json:
        json_out(found)
        return
    some = f"Of {counted(found.alerts, 'alert')} that opened in the last {format_duration(since)}"
    print_table(
        ["ALERTS", "BEFORE", "AFTER", "TITLE"],
        [
            (
                one.alerts,
                ", ".join(one.before) or "nobody",
                "the same, grouped or timed otherwise"
                if one.before == one.after
                else ", ".join(one.after) or "nobody",
                f"{one.examples[0][1]} ({one.examples[0][0][:12]})",
            )
            for one in found.moved
        ],
        empty=f"{some}, none would go another way.",
    )
    if found.moved:
        say(f"{some}, {sum(one.alerts for one in found.moved):,} would go another way.")
    if found.cut:
        say("Older alerts of that time were left out.")


def _moment(given: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ConfigurationError(
            f"--at: {given!r} is no time", hint="Write 2026-12-24T18:00+01:00."
        ) from None
    return moment if moment.tzinfo is not None else moment.astimezone()
