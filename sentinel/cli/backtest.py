"""`sentinel rule test` and `sentinel rule diff`: backtests of one rule and of a changed file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import completion
from sentinel.cli.deploy import rules_here
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import open_store, settings_here
from sentinel.errors import (
    ConfigurationError,
    DatabaseUnreachable,
    NotFound,
    TriggerError,
)

if TYPE_CHECKING:
    from sentinel.backtest import Backtest, Candidate
    from sentinel.event_policies.pack import Spec
    from sentinel.rollout.files import Entry
    from sentinel.rules.rule import Rule
    from sentinel.store import Store

__all__ = ["backtest", "diff"]

Since = Annotated[
    str, typer.Option("--since", help="Length of the period to replay, for example 7d or 12h.")
]


def backtest(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the rule.", show_default=False, autocompletion=completion.rules
        ),
    ],
    since: Since = "7d",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Replay the readings of this CSV, JSON or NDJSON file; for event policies, a "
            "JSON or NDJSON file of events.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Read the rule from this deployment file."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Backtest a rule: replay stored readings and show the alerts that it would have opened.

    Stored readings, and for event policies stored events, go through the same code as live ones,
    on a simulated clock, into a temporary database. Nothing is stored and nobody is notified.
    With `--data` no instance need run; the rule is then read from `--file` or `prefect.yaml`.

    Examples:
        sentinel rule test disk-full --since 7d

        sentinel rule test disk-full --file changed.yaml --data readings.csv --json

        sentinel rule test failed-logins --file policies.yaml --data events.ndjson
    """
    with _opened(file, data) as (store, source):
        candidate = _candidate(store, name, source)
        until = store.now()
        found = _replayed(store, candidate, until - _length(since), until, data)
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


@contextmanager
def _opened(file: Path | None, data: Path | None) -> Generator[tuple[Store, Path | None]]:
    """Open the database, or an empty one if a file has all that a backtest needs.

    Args:
        file: a deployment file that has the rule, or None
        data: a file of readings, or None

    Yields:
        The store, and the file to read the rule from; None where the store has the rule.

    Raises:
        DatabaseUnreachable: no database runs, and the readings or the rule are in no file
    """
    with ExitStack() as stack:
        try:
            store = stack.enter_context(open_store())
        except DatabaseUnreachable:
            found = file or rules_here()
            if data is None or found is None:
                raise
            store, file = stack.enter_context(_without_database()), found
        yield store, file


@contextmanager
def _without_database() -> Generator[Store]:
    """Open an empty store in a temporary folder: receivers and settings are the defaults."""
    from sentinel.store import Store

    with TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'empty.db'}")
        try:
            store.migrate()
            yield store
        finally:
            store.close()


def diff(
    file: Annotated[Path, typer.Argument(help="The changed deployment file.", show_default=False)],
    since: Since = "7d",
) -> None:
    """Backtest a changed rule file and print the differences as Markdown, for a review.

    Each rule of the file is compared with the rule of the same name as it last ran, over the
    stored readings.

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
    say("\n".join(pages) if pages else "No rule of the file differs from the deployed one.")


def _replayed(
    store: Store,
    candidate: Candidate | Spec,
    since: datetime,
    until: datetime,
    data: Path | None = None,
) -> Backtest:
    from sentinel.backtest import Candidate, planned, planned_events, replay, replay_events

    if isinstance(candidate, Candidate):
        return replay(*planned(store, candidate, since, until, data))
    return replay_events(*planned_events(store, candidate, since, until, data, _lines))


def _lines(tenant: str, since: datetime, until: datetime) -> Iterator[Any]:
    """Read the stored log lines of a tenant."""
    from sentinel.store.telemetry.client import telemetry_client
    from sentinel.store.telemetry.replayed_lines import replayed_lines

    yield from replayed_lines(telemetry_client(settings_here()), tenant, since, until)


def _page(store: Store, entry: Entry, since: datetime, until: datetime) -> Iterator[str]:
    """Yield the Markdown section about one entry of the file; nothing if the entry is unchanged."""
    from sentinel.backtest import difference

    new = _of_entry(entry)
    if new is None:
        return
    rule = _rule_of(new)
    name = rule.renamed_from or rule.name
    try:
        old = _candidate(store, name, None, given=new)
    except NotFound:
        yield f"### {rule.name}\n\nNew rule: there are no readings to replay yet.\n"
        return
    edits = list(_edits(_written(old), _written(new)))
    if not edits:
        return
    try:
        before = _replayed(store, old, since, until)
        after = _replayed(store, _called(new, name), since, until)
        yield difference(before, after, edits)
    except ConfigurationError as error:
        lines = "".join(f"- {edit}\n" for edit in edits)
        yield f"### {rule.name}\n\n{lines}\n> This rule cannot be replayed: {error}\n"


def _rule_of(candidate: Candidate | Spec) -> Rule:
    from sentinel.rules.rule import Rule

    return Rule.model_validate(candidate.rule)


def _called(candidate: Candidate | Spec, name: str) -> Candidate | Spec:
    """Return the rule under `name`, the name that its stored readings have."""
    import msgspec

    from sentinel.backtest import Candidate

    rule = _rule_of(candidate)
    if rule.name == name:
        return candidate
    kept = rule.model_copy(update={"name": name, "renamed_from": None})
    if isinstance(candidate, Candidate):
        return msgspec.structs.replace(candidate, rule=kept)
    return msgspec.structs.replace(candidate, rule=kept.dump())


def _written(candidate: Candidate | Spec) -> dict[str, object]:
    """Return every field of the rule and its policies by the name that a list of changes uses."""
    from sentinel.backtest import Candidate

    written: dict[str, object] = dict(_rule_of(candidate).dump())
    if not isinstance(candidate, Candidate):
        for policy in candidate.policies:
            name = policy.get("name", "")
            written.update({f"policy {name}, {field}": value for field, value in policy.items()})
    return written


def _edits(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{name}: {_json_text(before.get(name))} → {_json_text(after.get(name))}"


def _json_text(value: object) -> str:
    import msgspec

    return "(default)" if value is None else msgspec.json.encode(value).decode()


def _show(found: Backtest) -> None:
    from sentinel.backtest import picture
    from sentinel.duration import format_duration

    what = f"{_counted(found.evaluations, 'evaluation')} of {found.series:,} series"
    if found.of == "events":
        what = (
            f"{_counted(found.evaluations, 'event')}, {_counted(found.bad, 'match', 'matches')} of "
            + _counted(found.series, "policy", "policies")
        )
    say(f"{found.rule}: {what}, {found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC")
    say(
        f"{_counted(len(found.alerts), 'alert')} would have opened and {found.resolved:,} "
        f"resolved; {_counted(len(found.messages), 'message')} would have been sent."
    )
    say("")
    if found.peaks:
        for line in picture(found):
            say(line)
        say("")

    def length(seconds: float) -> str:
        return format_duration(timedelta(seconds=round(seconds)))

    print_table(
        ["#", "SEVERITY", "OPENED", "RESOLVED", "DURATION", "OCCURRENCES", "TITLE"],
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
        say(f"\n{_counted(found.failed, 'evaluation')} failed: {found.error}")
    for note in found.notes:
        say(f"\n{note}" if note == found.notes[0] else note)


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _length(since: str) -> timedelta:
    from sentinel.duration import parse_duration

    try:
        length = parse_duration(since)
    except ValueError as error:
        raise ConfigurationError(f"--since: {error}") from None
    if length <= timedelta(0):
        raise ConfigurationError("--since must be longer than 0s")
    return length


def _candidate(
    store: Store, name: str, file: Path | None, given: Candidate | Spec | None = None
) -> Candidate | Spec:
    """Return the rule `name`: from the file if one is given, else as it last ran.

    Args:
        store: the database that has the rule
        name: name of the rule
        file: a deployment file, or None
        given: another version of the rule, whose parameters the replay uses

    Returns:
        A rule with its trigger and parameters, or a rule with its event policies.

    Raises:
        NotFound: neither the file nor the database has the rule
        ConfigurationError: the rule reads stored metrics, and only its file names them
    """
    from sentinel.backtest import EVENT_TRIGGERS, Candidate, stored_spec
    from sentinel.checks.catalog import find
    from sentinel.rules.rule import Rule

    if file is not None:
        for entry in _entries(file):
            if entry.name == name and (found := _of_entry(entry)) is not None:
                return found
        raise NotFound(f"{file} has no rule {name!r}", hint="Name a rule of that file.")
    row = store.rules.get(name)
    if row.trigger in EVENT_TRIGGERS:
        return stored_spec(store, name)
    trigger = find(row.trigger)
    if not trigger.keeps_readings and not isinstance(given, Candidate):
        raise ConfigurationError(
            f"rule {name!r} reads stored metrics, and only its file says which",
            hint="Name the file: sentinel rule test NAME --file prefect.yaml",
        )
    parameters: Mapping[str, Any] = given.parameters if isinstance(given, Candidate) else {}
    return Candidate(rule=Rule.model_validate(row.spec), trigger=trigger, parameters=parameters)


def _entries(file: Path) -> list[Entry]:
    from sentinel.rollout.files import read_files
    from sentinel.rollout.packed_entries import alone

    return [one for entry in read_files([file]) for one in alone(entry)]


def _of_entry(entry: Entry) -> Candidate | Spec | None:
    """Return the rule of a deployment, or its event policies; None if it has neither."""
    from pydantic import ValidationError

    from sentinel.backtest import EVENT_TRIGGERS, Candidate, spec_of
    from sentinel.checks.catalog import find
    from sentinel.checks.form import filled
    from sentinel.rules.rule import Rule
    from sentinel.validation_messages import validation_message

    parameters: dict[str, Any] = dict(entry.spec.get("parameters") or {})
    flow = entry.entrypoint.removeprefix("flows.rules.")
    if "rule" not in parameters or flow == entry.entrypoint:
        return None
    try:
        rule = Rule.model_validate(parameters.pop("rule"))
        trigger = find(flow)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, ("rule", *first["loc"])))
        raise ConfigurationError(
            f"{entry.file}, {entry.shown}: {where}: {validation_message(first, Rule)}",
            hint=f"See: sentinel rule lint {entry.file}",
        ) from None
    except TriggerError as error:
        raise ConfigurationError(
            f"{entry.file}, {entry.shown}: {error.message}",
            hint=f"See: sentinel rule lint {entry.file}",
        ) from None
    if not trigger.keeps_readings:
        # The replay evaluates it again, so its parameters are parsed as a flow run parses them.
        parameters = filled(trigger, {}, parameters)
    if trigger.name in EVENT_TRIGGERS:
        return spec_of(rule, trigger, parameters)
    return Candidate(rule=rule, trigger=trigger, parameters=parameters)
