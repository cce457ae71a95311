"""`sentinel slo`: SLOs as YAML, how they stand, and their report."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.document_versions import text_of
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store, settings_here
from sentinel.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from sentinel.rollout.made_rules import MadeRules
    from sentinel.slo.definition import SloDefinition
    from sentinel.store import Store
    from sentinel.store.slo.slos import StoredSlo

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="Service level objectives (SLOs).")

Name = Annotated[str, typer.Argument(help="Name of the SLO.", show_default=False)]
ItsTenant = Annotated[str, typer.Option("--tenant", help="Tenant of the SLO.")]
OfTenant = Annotated[
    str | None, typer.Option("--tenant", help="Only those of this tenant.", show_default=False)
]


@commands.command("list")
def list_(tenant: OfTenant = None, json: AsJson = False) -> None:
    """Print the SLOs, and how each of their objectives stands now.

    Example:
        sentinel slo list
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import slos

        found, cursor = list[dict[str, Any]](), None
        with client_here() as client:
            while True:
                page = client.do(slos.listed(tenant=tenant, limit=500, cursor=cursor))
                found += [one.model_dump(mode="json") for one in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
    else:
        from sentinel.store.slo.slos import Slos

        with open_store() as store:
            found = [{**_item(one), "status": _status(store, one)}
                     for one in Slos(store).list(tenant)]  # fmt: skip
    if json:
        json_out(found)
        return
    print_table(
        ["SLO", "TENANT", "TEAM", "OBJECTIVE", "STATUS", "GOOD", "BUDGET LEFT", "BURN RATE"],
        [
            (one["definition"]["name"], one["definition"]["tenant"], one["definition"]["team"],
             *_cells(objective))
            for one in found
            for objective in one["status"]["objectives"]
        ],
        empty="No SLOs. Create some: sentinel slo apply slos.yaml",
    )  # fmt: skip


@commands.command()
def show(name: Name, tenant: ItsTenant = "default", json: AsJson = False) -> None:
    """Print the definition of an SLO as YAML, as `sentinel slo apply` takes it.

    Example:
        sentinel slo show checkout > slos.yaml
    """
    from sentinel.slo.definition import definition_of, to_yaml

    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import slos

        with client_here() as client:
            found = client.do(slos.read(name, tenant=tenant)).model_dump(
                mode="json", exclude={"status"}
            )
    else:
        from sentinel.store.slo.slos import Slos

        with open_store() as store:
            found = _item(Slos(store).get(name, tenant=tenant))
    if json:
        json_out(found)
        return
    for line in to_yaml([definition_of(found["definition"])]).rstrip("\n").split("\n"):
        say(line)


@commands.command("apply")
def apply_(
    files: Annotated[list[Path], typer.Argument(help="YAML files with slos.", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change, and change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Create or change the SLOs of YAML files, each with its rule.

    All files are read before anything is changed. SLOs that are in no file stay as they are.

    Example:
        sentinel slo apply slos.yaml

    Raises:
        ConfigurationError: a file cannot be read, is none of SLOs, or two have one name
    """
    from sentinel.slo.definition import first_twice, from_yaml

    given = [slo for file in files for slo in _in_file(file, from_yaml)]
    if (twice := first_twice(given)) is not None:
        raise ConfigurationError(f"two SLOs of the files have the name {twice.name!r}",
                                 hint=f"Both are of the tenant {twice.tenant}.")  # fmt: skip
    done = list[dict[str, Any]]()
    with _saving(dry_run=dry_run) as save:
        for one in given:
            change = save(one)
            done.append({"name": one.name, "change": change})
            if not json:  # at once: a later one may be refused
                say(f"{f'would be {change}' if dry_run and change != 'unchanged' else change}: "
                    f"{one.name}")  # fmt: skip
    if json:
        json_out(done)
    elif not given:
        say("The files have no SLOs.")


@commands.command()
def remove(name: Name, tenant: ItsTenant = "default", json: AsJson = False) -> None:
    """Remove an SLO with its rule and its events.

    Example:
        sentinel slo remove checkout
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import slos

        with client_here() as client:
            asked = slos.remove(name, tenant=tenant)
            gone = client.do(asked).model_dump(mode="json", exclude={"status"})
    else:
        from sentinel.rollout.slo_rules import remove_slo
        from sentinel.store.slo.slos import Slos

        with open_store() as store, _made_rules(store) as rules:
            slos = Slos(store)
            gone = _item(remove_slo(slos, rules, name, actor=actor(), tenant=tenant))
    if json:
        json_out(gone)
        return
    say(f"Removed the SLO {name}, its rule {gone['rule']} and its events.")


@commands.command()
def status(name: Name, tenant: ItsTenant = "default", json: AsJson = False) -> None:
    """Print how the objectives of an SLO stand now.

    Example:
        sentinel slo status checkout
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import slos

        with client_here() as client:
            found = client.do(slos.status(name, tenant=tenant)).model_dump(mode="json")
    else:
        from sentinel.store.slo.slos import Slos

        with open_store() as store:
            found = _status(store, Slos(store).get(name, tenant=tenant))
    if json:
        json_out(found)
        return
    print_table(
        ["OBJECTIVE", "STATUS", "GOOD", "BUDGET LEFT", "BURN RATE", "EVENTS"],
        [(*_cells(one), f"{one['total']:,.0f}") for one in found["objectives"]],
        empty="It has no objectives.",
    )
    for one in found["out_of_reach"]:
        say(
            f"{one['objective']}: its {one['kind']} over {one['long_seconds'] / 3600:g} h cannot "
            f"fire: it had at most {one['most_events']:,.0f} events of {one['needs_events']:,.0f}."
        )


@commands.command()
def report(
    tenant: OfTenant = None,
    days: Annotated[
        int, typer.Option(min=1, max=366, help="How far back violations are listed.")
    ] = 30,
    html: Annotated[bool, typer.Option("--html", help="A page instead of Markdown.")] = False,
    json: AsJson = False,
) -> None:
    """Print a report of all SLOs: how they stand, and when they were violated.

    Example:
        sentinel slo report --days 90 > slos.md

    Raises:
        ConfigurationError: a page is asked of a server, which has it at an address
    """
    if remote_url():
        if html:
            raise ConfigurationError(
                "--html works on the machine of the server",
                hint=f"{remote_url().rstrip('/')}/api/slo/report?format=html is the same page.",
            )
        from sentinel.cli.remote import client_here
        from sentinel.client import slos

        texts, cursor = list[str](), None
        with client_here() as client:
            while True:
                page = client.do(slos.report(tenant=tenant, days=days, cursor=cursor))
                texts.append(page.text)
                cursor = page.next_cursor
                if cursor is None:
                    break
        text = "\n".join(texts)
    else:
        from sentinel.slo.report import as_html, as_markdown
        from sentinel.store.slo.reports import all_reported
        from sentinel.store.slo.slos import Slos

        with open_store() as store:
            now = store.now()
            since = now - timedelta(days=days)
            found = all_reported(store, Slos(store), since, tenant)
        text = (as_html if html else as_markdown)(found, since, now)
    if json:
        json_out({"text": text})
        return
    for line in text.rstrip("\n").split("\n"):
        say(line)


def _in_file(file: Path, read: Callable[[str], list[SloDefinition]]) -> Sequence[SloDefinition]:
    text = text_of(file)
    try:
        return read(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error.message}", hint=error.hint) from None


@contextmanager
def _saving(*, dry_run: bool) -> Generator[Callable[[SloDefinition], str]]:
    """Yield what saves an SLO and says whether it was created, changed, or unchanged."""
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import slos

        with client_here() as client:

            def put(one: SloDefinition) -> str:
                given = one.model_dump(mode="json")
                try:
                    before = client.do(slos.read(one.name, tenant=one.tenant)).definition
                except NotFound:
                    before = None
                if before != given and not dry_run:
                    client.do(slos.save(one.name, given))
                return _change(before, given)

            yield put
        return
    from sentinel.rollout.slo_rules import save_slo
    from sentinel.store.slo.slos import Slos

    with open_store() as store, _made_rules(store) as rules:

        def save(one: SloDefinition) -> str:
            stored = Slos(store)
            try:
                before = stored.get(one.name, tenant=one.tenant).definition
            except NotFound:
                before = None
            if not dry_run:  # also one that is unchanged: this completes a rule that is missing
                save_slo(store, stored, rules, one, actor=actor())
            return _change(before, one)

        yield save


def _change(before: object, after: object) -> str:
    return "created" if before is None else "unchanged" if before == after else "changed"


@contextmanager
def _made_rules(store: Store) -> Generator[MadeRules]:
    from sentinel.cli.deploy import flow_cache_of
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.made_rules import MadeRules

    settings = settings_here()
    with RolloutApi.of(settings) as api:
        yield MadeRules(store, api, flow_cache_of(settings))


def _item(one: StoredSlo) -> dict[str, Any]:
    return {
        "definition": one.definition.model_dump(mode="json"), "version": one.version,
        "saved_at": one.saved_at, "saved_by": one.saved_by, "rule": one.rule,
    }  # fmt: skip


def _status(store: Store, one: StoredSlo) -> dict[str, Any]:
    from sentinel.slo.budget import statuses_of, worst_of
    from sentinel.slo.definition import objective_name
    from sentinel.slo.reach import out_of_reach
    from sentinel.store.slo.slos import Slos

    counts = Slos(store).counts(one.name, tenant=one.definition.tenant)
    now, least = store.now(), one.definition.minimum_events
    found = statuses_of(one.definition, counts, now)
    return {
        "name": one.name, "health": worst_of(found), "counted_until": one.counted_until,
        "objectives": [
            {
                "objective": each.objective, "target": each.target, "health": each.health,
                "window_start": each.span.start, "window_end": each.span.end,
                "good": each.counted.good, "total": each.counted.total,
                "compliance": each.compliance, "budget_events": each.budget_events,
                "bad_events": each.counted.bad, "budget_left": each.budget_left,
                "burn_rate": each.burn_rate,
            }
            for each in found
        ],
        "out_of_reach": [
            {"objective": objective_name(objective), "kind": each.pair.kind,
             "long_seconds": each.pair.long.total_seconds(), "most_events": each.most,
             "needs_events": each.needs}
            for objective in one.definition.objectives
            for each in out_of_reach(objective, counts, now, least)
        ],
    }  # fmt: skip


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    """Return objective, status, good events, budget left and burn rate as a table shows them."""
    return (
        one["objective"],
        str(one["health"]).replace("_", " "),
        "" if one["compliance"] is None else f"{one['compliance']:.4g}%",
        "" if one["budget_left"] is None else f"{one['budget_left']:.1%}",
        "" if one["burn_rate"] is None else f"{one['burn_rate']:.3g}",
    )
