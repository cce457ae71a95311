"""`sentinel canary …`: marked alerts that prove the path to each receiver."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.duration import format_duration

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True,
    help="Canaries: marked alerts that prove the path to each receiver, every few minutes.",
)


@commands.command()
def status(json: AsJson = False) -> None:
    """List the paths: when a canary last arrived, how long the newest took, and its state.

    A path is one channel of one receiver, or, where SENTINEL_CANARY_KEY is set, one of the doors
    by which other systems post alerts. `sentinel deploy --pack canary` sends canaries.

    Example:
        sentinel canary status
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import canaries

        with client_here() as client:
            found = client.do(canaries.status()).model_dump(mode="json")
    else:
        with open_store() as store:
            found = _status(store)
    _shown(found, json=json)


@commands.command()
def send(
    receivers: Annotated[
        list[str] | None,
        typer.Argument(help="Receivers, beside those of the last run.", show_default=False),
    ] = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="Only these receivers, or all where none is named; expect no run afterwards.",
        ),
    ] = False,
    json: AsJson = False,
) -> None:
    """Send canaries now, and list their paths, which wait.

    Where canaries are no longer deployed, `--once` ends the wait for the next run.

    Example:
        sentinel canary send ops
    """
    names = receivers or []
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import canaries

        with client_here() as client:
            found = client.do(canaries.send(names, once=once)).model_dump(mode="json")
    else:
        from sentinel.ingest.canary import send_canaries_now
        from sentinel.ingest.door_canary import prove_doors_of
        from sentinel.settings import settings

        with open_store() as store:
            plan = send_canaries_now(store, names, actor=actor(), once=once)
            prove_doors_of(store, settings(), plan, forget=once)
            found = _status(store)
    _shown(found, json=json)


def _status(store: Store) -> dict[str, Any]:
    import msgspec

    from sentinel.store.notifications.canaries import canary_paths
    from sentinel.store.notifications.door_canaries import door_paths

    plan, paths = canary_paths(store)
    return {
        "every": plan.every if plan else 0.0,
        "within": plan.within if plan else 0.0,
        "items": msgspec.to_builtins(paths),
        "doors": msgspec.to_builtins(door_paths(store)),
    }


def _outcome(one: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return the cells of a path that a receiver and a door have alike."""
    after = "-" if one["took"] is None else f"{one['took']:.1f} s"
    return one["state"], _moment(one["arrived_at"]), after, one["error"] or "-"


def _shown(found: dict[str, Any], *, json: bool) -> None:
    if json:
        json_out(found)
        return
    print_table(
        ["RECEIVER", "CHANNEL", "STATE", "LAST DELIVERY", "AFTER", "ERROR"],
        [(one["receiver"], one["channel"], *_outcome(one)) for one in found["items"]],
        empty="No canary was sent: sentinel deploy --pack canary, or sentinel canary send",
    )
    if found["doors"]:
        print_table(
            ["DOOR", "STATE", "LAST DELIVERY", "AFTER", "ERROR"],
            [(one["door"], *_outcome(one)) for one in found["doors"]],
            empty="",
        )
    elif found["items"]:
        say("No door is proved by which other systems post: set SENTINEL_CANARY_KEY.")
    if found["items"]:
        within = format_duration(timedelta(seconds=found["within"]))
        every = format_duration(timedelta(seconds=found["every"])) if found["every"] else ""
        follows = f", and one follows every {every}" if every else ""
        say(f"A canary has {within} to arrive{follows}.")


def _moment(text: str | None) -> str:
    if text is None:
        return "never"
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
