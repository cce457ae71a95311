"""`sentinel service`: the catalog of services as YAML, and how its services stand."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sentinel.client.calls import Call
    from sentinel.services.definition import ServiceDefinition
    from sentinel.store.services.operation import ServicesNow

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="The catalog of services.")

Name = Annotated[str, typer.Argument(help="Name of the service.", show_default=False)]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose services.")]
Files = Annotated[list[Path], typer.Argument(help="YAML files with services.", show_default=False)]


@commands.command("list")
def list_(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only those of this tenant.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> None:
    """Print the services of the catalog.

    Example:
        sentinel service list
    """
    if remote_url():
        from sentinel.client import services

        found: list[dict[str, Any]] = _asked(services.listed(tenant=tenant))["items"]
    else:
        from sentinel.store.services.catalog import Services

        with open_store() as store:
            found = [
                {"definition": one.definition.model_dump(mode="json"), "version": one.version,
                 "saved_at": one.saved_at, "saved_by": one.saved_by}
                for one in Services(store).list(tenant)
            ]  # fmt: skip
    if json:
        json_out(found)
        return
    print_table(
        ["SERVICE", "TENANT", "OWNER", "TIER", "DEPENDS ON", "DESCRIPTION"],
        [
            (one["name"], one["tenant"], one["owner"], str(one["tier"]),
             ", ".join(one["depends_on"]), one["description"].partition("\n")[0])
            for one in (each["definition"] for each in found)
        ],
        empty="The catalog is empty. Create services: sentinel service apply services.yaml",
    )  # fmt: skip


@commands.command()
def show(name: Name, tenant: Tenant = "default", json: AsJson = False) -> None:
    """Print the entry of a service as YAML, as `sentinel service apply` takes it.

    Example:
        sentinel service show checkout > services.yaml
    """
    from sentinel.services.definition import definition_of, to_yaml

    if remote_url():
        from sentinel.client import services

        found = _asked(services.read(name, tenant=tenant))
    else:
        from sentinel.store.services.catalog import Services

        with open_store() as store:
            one = Services(store).get(tenant, name)
        found = {
            "definition": one.definition.model_dump(mode="json"), "version": one.version,
            "saved_at": one.saved_at, "saved_by": one.saved_by,
        }  # fmt: skip
    if json:
        json_out(found)
        return
    for line in to_yaml([definition_of(found["definition"])]).rstrip("\n").split("\n"):
        say(line)


@commands.command("apply")
def apply_(
    files: Files,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change, and change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Create or change the services of YAML files, all or none of them.

    Services that are in no file stay as they are.

    Example:
        sentinel service apply services.yaml
    """
    given = [one for file in files for one in _in_file(file)]
    if remote_url():
        from sentinel.client import services

        call = services.apply([one.model_dump(mode="json") for one in given], dry_run=dry_run)
        changes: list[dict[str, Any]] = _asked(call)["changes"]
    else:
        from sentinel.store.services.catalog import Services

        with open_store() as store:
            done = Services(store).apply(given, actor=actor(), dry_run=dry_run)
        changes = [
            {"name": one.name, "tenant": one.tenant, "change": one.change,
             "fields": [each.model_dump(mode="json") for each in one.fields]}
            for one in done
        ]  # fmt: skip
    if json:
        json_out(changes)
        return
    if not given:
        say("The files have no services.")
    for one in changes:
        would = "would be " if dry_run and one["change"] != "unchanged" else ""
        say(f"{would}{one['change']}: {one['name']}")
        if one["change"] == "changed":
            for field in one["fields"]:
                say(f"  {field['field']}: {_value(field['before'])} -> {_value(field['after'])}")


@commands.command()
def remove(name: Name, tenant: Tenant = "default", json: AsJson = False) -> None:
    """Remove a service from the catalog.

    Example:
        sentinel service remove checkout
    """
    if remote_url():
        from sentinel.client import services

        gone: dict[str, Any] = _asked(services.remove(name, tenant=tenant))["definition"]
    else:
        from sentinel.store.services.catalog import Services

        with open_store() as store:
            removed = Services(store).remove(tenant, name, actor=actor())
        gone = removed.definition.model_dump(mode="json")
    if json:
        json_out(gone)
        return
    say(f"Removed the service {name} from the catalog.")


@commands.command()
def affected(tenant: Tenant = "default", json: AsJson = False) -> None:
    """Print the services with open alerts, and those that depend on them.

    Example:
        sentinel service affected
    """
    if remote_url():
        from sentinel.client import services

        found: list[dict[str, Any]] = _asked(services.affected(tenant=tenant))["items"]
    else:
        from sentinel.severity import Severity
        from sentinel.store.services.operation import SHOWN_ALERTS

        with _services_now(tenant) as now:
            found = [
                {"name": one.name, "known": one.known,
                 "severity": Severity(one.worst).word if one.alerts else None,
                 "alert_count": len(one.alerts),
                 "alerts": [
                     {"id": each.id, "title": each.title, "rule": each.rule,
                      "severity": Severity(each.severity).word, "status": each.status,
                      "opened_at": each.opened_at}
                     for each in one.alerts[:SHOWN_ALERTS]
                 ],
                 "burning_slos": one.burning, "impaired_by": one.impaired_by}
                for one in now.affected()
            ]  # fmt: skip
    if json:
        json_out(found)
        return
    print_table(
        ["SERVICE", "SEVERITY", "ALERTS", "SLOS", "IMPAIRED BY"],
        [
            (one["name"], one["severity"] or "", str(one["alert_count"]),
             ", ".join(one["burning_slos"]), ", ".join(one["impaired_by"]))
            for one in found
        ],
        empty="No service has open alerts.",
    )  # fmt: skip


@commands.command("blast-radius")
def blast_radius(name: Name, tenant: Tenant = "default", json: AsJson = False) -> None:
    """Print what may fail with a service: its callers, theirs, and so on.

    Example:
        sentinel service blast-radius payments
    """
    if remote_url():
        from sentinel.client import services

        found = _asked(services.blast_radius(name, tenant=tenant))
    else:
        import msgspec

        with _services_now(tenant) as now:
            found = msgspec.to_builtins(now.blast_radius(name), str_keys=True)
    if json:
        json_out(found)
        return
    print_table(
        ["SERVICE", "TIER", "OWNER", "PATH", "SOURCE"],
        [
            (one["name"], "" if one["tier"] is None else str(one["tier"]), one["owner"],
             " > ".join(one["path"]), ", ".join(one["sources"]))
            for one in found["affected"]
        ],
        empty=f"No service is known to depend on {name}.",
    )  # fmt: skip


@commands.command()
def readiness(
    name: Annotated[
        str | None, typer.Argument(help="Name of the service; all of them without.")
    ] = None,
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """Print whether services are ready to be operated, and what is missing.

    Example:
        sentinel service readiness checkout
    """
    if remote_url():
        from sentinel.client import services

        found: list[dict[str, Any]] = (
            _asked(services.readiness_of_all(tenant=tenant))["items"]
            if name is None
            else [_asked(services.readiness(name, tenant=tenant))]
        )
    else:
        import msgspec

        with _services_now(tenant) as now:
            found = msgspec.to_builtins(
                now.readiness_of_all() if name is None else [now.readiness(name)]
            )
    if json:
        json_out(found)
        return
    if name is None:
        rows = [
            (one["service"], str(one["score"]),
             ", ".join(each["label"] for each in one["checks"] if not each["passed"]))
            for one in found
        ]  # fmt: skip
        print_table(["SERVICE", "SCORE", "DOES NOT HOLD"], rows, empty="The catalog is empty.")
        return
    say(f"{name}: {found[0]['score']} of 100")
    print_table(
        ["HOLDS", "CHECK", "WEIGHT", "FOUND, OR WHAT TO DO"],
        [
            ("yes" if one["passed"] else "no", one["label"], str(one["weight"]), one["evidence"])
            for one in found[0]["checks"]
        ],
        empty="It has no checks.",
    )


def _asked(call: Call[Any]) -> dict[str, Any]:
    from sentinel.cli.remote import client_here

    with client_here() as client:
        answer: BaseModel = client.do(call)
    return answer.model_dump(mode="json")


@contextmanager
def _services_now(tenant: str) -> Generator[ServicesNow]:
    from sentinel.store.services.operation import ServicesNow

    with open_store() as store:
        yield ServicesNow(store, tenant)


def _in_file(file: Path) -> list[ServiceDefinition]:
    from sentinel.cli.document_versions import text_of
    from sentinel.services.definition import from_yaml

    text = text_of(file)
    try:
        return from_yaml(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error.message}", hint=error.hint) from None


def _value(given: Any) -> str:
    import json

    return json.dumps(given, ensure_ascii=False) if not isinstance(given, str) else given or '""'
