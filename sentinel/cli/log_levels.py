"""`sentinel log …`: log levels, changed while everything runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.person_rows import moment
from sentinel.cli.remote_log_levels import levels_there, reset_there, set_level_there
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.duration import parse_duration
from sentinel.settings.log_levels import COMPONENTS, DEFAULT_LENGTH, LEVELS

if TYPE_CHECKING:
    from sentinel.client.log_levels import LogLevel as LevelThere
    from sentinel.store.log_levels import LogLevel as LevelHere

    Level = LevelHere | LevelThere

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True,
    help="Log lines that services send; and log levels of Sentinel, each until a moment.",
)


def _length(given: str) -> timedelta:
    return parse_duration(given)


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """List the log levels that are set now, and until when.

    Example:
        sentinel log list
    """
    from sentinel.store.log_levels import LogLevels

    found: Sequence[Level]
    if remote_url():
        found = levels_there()
    else:
        with open_store() as store:
            found = LogLevels(store).held()
    if json:
        json_out({"items": [_plain(one) for one in found]})
        return
    rows = [(one.component, one.level, moment(one.until), one.set_by) for one in found]
    print_table(
        ["COMPONENT", "LEVEL", "EXPIRES", "ACTOR"],
        rows,
        empty="Every component logs as configured.",
    )


@commands.command("level")
def level_(
    component: Annotated[
        str,
        typer.Argument(help=f"One of {', '.join(COMPONENTS)}.", show_default=False),
    ],
    level: Annotated[
        str, typer.Argument(help=f"One of {', '.join(LEVELS)}.", show_default=False)
    ],
    length: Annotated[
        timedelta,
        typer.Option(
            "--for", parser=_length, metavar="LENGTH", show_default=False,
            help="When it goes back by itself, at most 7d. By default, 1h.",
        ),
    ] = DEFAULT_LENGTH,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Set the log level of a component. Every process follows within seconds.

    Example:
        sentinel log level relay debug --for 30m
    """
    from sentinel.store.log_levels import LogLevels

    made: Level
    if remote_url():
        made = set_level_there(component, level, length)
    else:
        with open_store() as store:
            made = LogLevels(store).set(component, level, actor=actor(), length=length)
    if json:
        json_out(_plain(made))
    else:
        say(f"{made.component} logs at {made.level} until {moment(made.until)}.")


@commands.command()
def reset(
    component: Annotated[
        str | None, typer.Argument(help="Whose; by default, of all.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> None:
    """Take log levels back before their end.

    Example:
        sentinel log reset relay
    """
    from sentinel.store.log_levels import LogLevels

    held: Sequence[Level]
    if remote_url():
        held = reset_there(component)
    else:
        with open_store() as store:
            held = LogLevels(store).reset(component, actor=actor())
    if json:
        json_out({"items": [_plain(one) for one in held]})
    else:
        names = ", ".join(one.component for one in held)
        say(f"Back to what is configured: {names}." if held else "No log level was set.")


def _plain(level: Level) -> dict[str, Any]:
    names = ("component", "level", "until", "set_at", "set_by")
    return {name: getattr(level, name) for name in names}
