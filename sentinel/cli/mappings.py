"""`sentinel mapping …`: how webhooks of vendors become alerts; listed, shown and tried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.output import AsJson, complain, json_out, print_table, say
from sentinel.cli.target import settings_here
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.ingest.mappings.catalog import Catalog
    from sentinel.ingest.mappings.document import Mapping

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Mappings of webhooks: list them, show one, try one on a sample."
)
_MOST_BYTES = 33_554_432


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """List the mappings that ship with Sentinel, and those in the folder SENTINEL_MAPPINGS.

    Exits with 2 if a file holds no mapping that can be used.

    Example:
        sentinel mapping list

    Raises:
        ConfigurationError: a file holds no mapping that can be used
    """
    found = _catalog().all()
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "from": "shipped" if one.shipped else str(one.path),
            "into": "" if one.mapping is None else one.mapping.document.into,
            "description": one.error or (one.mapping and one.mapping.document.description),
        }
        for one in found
    ]
    if json:
        json_out({"items": rows})
    else:
        print_table(
            ["MAPPING", "FROM", "TYPE", "DESCRIPTION"],
            [[*row.values()] for row in rows],
            empty="There are no mappings.",
        )
    wrong = [one for one in found if one.error]
    if wrong:
        raise ConfigurationError(wrong[0].error)


@commands.command()
def show(
    name: Annotated[str, typer.Argument(metavar="MAPPING", help="Name.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Show a mapping as it is written, to begin one of your own with.

    Example:
        sentinel mapping show github
    """
    catalog = _catalog()
    mapping = catalog.get(name)
    if json:
        json_out(mapping.document.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        return
    (path,) = (one.path for one in catalog.all() if one.name == name)
    say(f"# {path}")
    for line in path.read_text("utf-8").splitlines():
        say(line)


@commands.command("test")
def try_(
    file: Annotated[
        str,
        typer.Argument(help="File of a mapping, or the name of one.", show_default=False),
    ],
    sample: Annotated[
        Path, typer.Argument(help="What the vendor posts, as a file.", show_default=False)
    ],
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", help="A header of the request, as `Name: value`."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show what a mapping makes of a sample. Nothing is sent or stored.

    Exits with 1 if an item of the sample cannot be mapped.

    Example:
        sentinel mapping test mine.yaml sample.json -H "X-GitHub-Event: workflow_run"

    Raises:
        Exit: an item of the sample cannot be mapped
    """
    from sentinel.ingest.mappings.apply import mapped

    mapping = _chosen(file)
    headers = _headers(header or [])
    made = mapped(mapping, _unwrapped(mapping, _bytes(sample), headers), headers)
    alerts = [
        {
            "firing": one.firing, "severity": one.severity or "medium", "title": one.summary,
            "labels": dict(one.labels), "annotations": dict(one.annotations or {}),
            "team": one.team, "value": one.value, "started": one.started, "ended": one.ended,
        }
        for one in made.arrived.readings
    ]  # fmt: skip
    refused = [
        {"index": one.index, "field": one.field, "message": one.message}
        for one in made.arrived.refused
    ]
    if json:
        json_out(
            {"alerts": alerts, "events": made.events, "ignored": made.ignored, "refused": refused}
        )
    else:
        for alert in alerts:
            for name, value in alert.items():
                if value not in ("", None, {}):
                    say(f"{name}: {value}")
            say("")
        for event in made.events:
            say(f"event: {event}")
        if made.ignored:
            say(f"ignored: {made.ignored}")
    for one in refused:
        complain(f"item {one['index']}: {one['field']}: {one['message']}")
    if refused:
        raise typer.Exit(1)


def _catalog() -> Catalog:
    from sentinel.ingest.mappings.catalog import Catalog

    return Catalog(settings_here().mappings)


def _chosen(file: str) -> Mapping:
    from sentinel.ingest.mappings.document import mapping_of

    path = Path(file)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return mapping_of(_bytes(path).decode(errors="replace"), path.name)
    return _catalog().get(file)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise ConfigurationError(f"{path} has more than {_MOST_BYTES:,} bytes")
    return data


def _headers(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, colon, value = one.partition(":")
        if not colon or not name.strip():
            raise ConfigurationError(f"{one!r} is no header", hint="Write --header 'Name: value'.")
        found[name.strip().lower().replace("-", "_")] = value.strip()
    return found


def _unwrapped(mapping: Mapping, data: bytes, headers: dict[str, str]) -> object:
    import orjson

    from sentinel.ingest.mappings.envelopes import cloud_events, notification

    if mapping.document.envelope == "cloudevents":
        return cloud_events(data, headers)
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"the sample is not JSON: {error}") from None
    return notification(body) if mapping.document.envelope == "sns" else body
