"""`sentinel rule test` and `sentinel rule diff`: what a rule would have done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import completing
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import open_store
from sentinel.errors import ConfigurationError, NotFound, TriggerError

if TYPE_CHECKING:
    from sentinel.backtest import Backtest, Tried
    from sentinel.rollout.files import Entry
    from sentinel.rule import Rule
    from sentinel.store import Store

__all__ = ["backtest", "diff"]

Since = Annotated[str, typer.Option("--since", help="How far back, for example 7d or 12h.")]


def backtest(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the rule.", show_default=False, autocompletion=completing.rules
        ),
    ],
    since: Since = "7d",
    data: Annotated[
        Path | None,
        typer.Option("--data", help="A CSV, JSON or NDJSON file of readings to replay instead."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Take the rule from this file of deployments."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Replay what was seen, and show the alerts that a rule would have opened.

    The readings that were kept go through the same code as live ones, on a simulated clock, into
    a database that is thrown away. Nothing is stored and nobody is told.

    Examples:
        sentinel rule test disk-full --since 7d

        sentinel rule test disk-full --file changed.yaml --data readings.csv --json
    """
    from sentinel.backtest import planned, replay

    with open_store() as store:
        tried = _tried(store, name, file)
        until = store.now()
        plan, seen = planned(store, tried, until - _length(since), until, data)
        found = replay(plan, seen)
    if json:
        import msgspec

        json_out(
            {
                **msgspec.to_builtins(found),
                "resolved": found.resolved,
                "open_seconds": found.open_for.total_seconds(),
            }
        )
        return
    _show(found)


def diff(
    file: Annotated[
        Path, typer.Argument(help="A file of deployments, as changed.", show_default=False)
    ],
    since: Since = "7d",
) -> None:
    """Say what a changed rule file would have done differently, as Markdown for a review.

    Each rule of the file is compared with the one of that name as it last ran, over the readings
    that were kept.

    Examples:
        sentinel rule diff prefect.yaml

        sentinel rule diff deployments/rules/machine.yaml --since 2d > review.md
    """
    length = _length(since)
    with open_store() as store:
        until = store.now()
        pages = [
            page for entry in _entries(file) for page in _page(store, entry, until - length, until)
        ]
    say("\n".join(pages) if pages else "No rule of the file differs from what runs.")


def _page(store: Store, entry: Entry, since: datetime, until: datetime) -> Iterator[str]:
    """What one entry of the file would have changed; nothing where it is as it runs."""
    from sentinel.backtest import difference, planned, replay

    new = _of_entry(entry)
    if new is None:
        return
    name = new.rule.renamed_from or new.rule.name
    try:
        old = _tried(store, name, None, parameters=new.parameters)
    except NotFound:
        yield f"### {new.rule.name}\n\nIt is new: nothing of it was seen yet.\n"
        return
    edits = list(_edits(old.rule, new.rule))
    if not edits:
        return
    if new.rule.name != name:
        import msgspec

        kept = new.rule.model_copy(update={"name": name, "renamed_from": None})
        new = msgspec.structs.replace(new, rule=kept)
    try:
        plan, seen = planned(store, old, since, until)
        looks = [*seen]
        changed, _ = planned(store, new, since, until)
        yield difference(replay(plan, looks), replay(changed, looks), edits)
    except ConfigurationError as error:
        lines = "".join(f"- {edit}\n" for edit in edits)
        yield f"### {new.rule.name}\n\n{lines}\n> It cannot be replayed: {error}\n"


def _edits(old: Rule, new: Rule) -> Iterator[str]:
    before, after = old.dump(), new.dump()
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{name}: {_said(before.get(name))} → {_said(after.get(name))}"


def _said(value: object) -> str:
    import msgspec

    return "(default)" if value is None else msgspec.json.encode(value).decode()


def _show(found: Backtest) -> None:
    from sentinel.backtest import picture
    from sentinel.duration import format_duration

    say(
        f"{found.rule}: {found.evaluations:,} evaluations of {found.series:,} series, "
        f"{found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC"
    )
    say(
        f"{len(found.alerts):,} alerts would have opened and {found.resolved:,} resolved; "
        f"{len(found.messages):,} messages would have been sent."
    )
    say("")
    if found.looks:
        for line in picture(found):
            say(line)
        say("")

    def length(seconds: float) -> str:
        return format_duration(timedelta(seconds=round(seconds)))

    print_table(
        ["#", "SEVERITY", "OPENED", "RESOLVED", "OPEN FOR", "TIMES", "TITLE"],
        [
            (
                number,
                one.severity,
                f"{one.spells[0].opened:%m-%d %H:%M:%S}",
                f"{ended:%m-%d %H:%M:%S}" if (ended := one.spells[-1].ended) else "still open",
                length(one.lasted(found.until).total_seconds()),
                len(one.spells),
                one.title,
            )
            for number, one in enumerate(found.alerts, start=1)
        ],
        empty="No alert would have opened.",
        ranks=[one.rank for one in found.alerts],
    )
    if found.failed:
        say(f"\n{found.failed:,} evaluations could not be judged: {found.error}")
    for note in found.notes:
        say(f"\n{note}" if note == found.notes[0] else note)


def _length(since: str) -> timedelta:
    from sentinel.duration import parse_duration

    try:
        length = parse_duration(since)
    except ValueError as error:
        raise ConfigurationError(f"--since: {error}") from None
    if length <= timedelta(0):
        raise ConfigurationError("--since must be longer than 0s")
    return length


def _tried(
    store: Store, name: str, file: Path | None, parameters: Mapping[str, Any] | None = None
) -> Tried:
    """The rule of that name: from the file where one is given, else as it last ran."""
    from sentinel.backtest import Tried
    from sentinel.catalog import find
    from sentinel.rule import Rule

    if file is not None:
        for entry in _entries(file):
            if entry.name == name and (found := _of_entry(entry)) is not None:
                return found
        raise NotFound(f"{file} has no rule {name!r}", hint="Name one that is in it.")
    row = store.rules.get(name)
    trigger = find(row.trigger)
    if not trigger.keeps_readings and parameters is None:
        raise ConfigurationError(
            f"rule {name!r} reads stored metrics, and which ones only its file says",
            hint="Name the file: sentinel rule test NAME --file prefect.yaml",
        )
    return Tried(rule=Rule.model_validate(row.spec), trigger=trigger, parameters=parameters or {})


def _entries(file: Path) -> list[Entry]:
    from sentinel.rollout.files import read_files

    return read_files([file])


def _of_entry(entry: Entry) -> Tried | None:
    """The rule of a deployment; None where it carries none."""
    from pydantic import ValidationError

    from sentinel.backtest import Tried
    from sentinel.catalog import find
    from sentinel.rule import Rule
    from sentinel.trigger_form import filled

    parameters: dict[str, Any] = dict(entry.spec.get("parameters") or {})
    flow = entry.entrypoint.removeprefix("flows.rules.")
    if "rule" not in parameters or flow == entry.entrypoint:
        return None
    try:
        rule = Rule.model_validate(parameters.pop("rule"))
        trigger = find(flow)
    except (ValidationError, TriggerError) as error:
        raise ConfigurationError(
            f"{entry.file}, {entry.shown}: {error}", hint=f"See: sentinel rule lint {entry.file}"
        ) from None
    if not trigger.keeps_readings:
        # It is looked with again, so that its parameters are read as a run reads them.
        parameters = filled(trigger, {}, parameters)
    return Tried(rule=rule, trigger=trigger, parameters=parameters)
