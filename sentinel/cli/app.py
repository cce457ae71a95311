"""Puts the commands together, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import sys

import typer

from sentinel.cli import (
    alerts,
    channels,
    database,
    deploy,
    events,
    instance,
    receivers,
    rules,
    system,
    triggers,
    watch,
    worker,
)
from sentinel.cli.exit_codes import Exit, exit_code_list, exit_code_of
from sentinel.errors import SentinelError

__all__ = ["app", "main"]

app = typer.Typer(
    name="sentinel",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""
Alerts built out of Prefect: a rule is a deployment, a check is a flow run.

**Begin**

    sentinel up                            start the whole product here; Ctrl-C stops it
    sentinel status                        what runs where
    sentinel doctor                        what is wrong, and what to do about it
    sentinel watch URL                     tell of a Prefect server that you have
    sentinel deploy --pack machine         ready-made rules; without a pack, your prefect.yaml

**Work through alerts**

    sentinel alert list                    what is open, worst first
    sentinel alert show 0192f3             one alert and its timeline (the start of an id will do)
    sentinel alert ack 0192f3 -m "on it"
    sentinel alert suppress 0192f3 --for 2h -m "the array is being rebuilt"

**Rules and what they are made of**

    sentinel rule list                     what each rule last found
    sentinel rule run disk-full            look now, and follow the run
    sentinel rule disable disk-full -m "moving house"
    sentinel trigger run disk_space --above 80    try a check here and now
    sentinel trigger new queue_length      write a check, with its test

**Tell somebody**

    sentinel channel add slack ops --receiver default
    sentinel channel test ops

Every list takes `--json`. Settings are environment variables, see `.env.example`.
Names and ids complete with the Tab key after `sentinel --install-completion`.

**Exit codes**

{exit_code_list()}
""",
)

instance.add_to(app)
system.add_to(app)
deploy.add_to(app)
watch.add_to(app)
worker.add_to(app)
app.add_typer(system.pool, name="pool")
app.add_typer(database.commands, name="db")
app.add_typer(alerts.commands, name="alert")
app.add_typer(events.commands, name="event")
app.add_typer(rules.commands, name="rule")
app.add_typer(triggers.commands, name="trigger")
app.add_typer(receivers.commands, name="receiver")
app.add_typer(channels.commands, name="channel")


def main() -> int:
    """Run the command that `sys.argv` names; returns or exits with its code."""
    try:
        code = app(standalone_mode=False)
    except SentinelError as error:
        print(f"sentinel: {error}", file=sys.stderr)
        return int(exit_code_of(error))
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        print("sentinel: stopped", file=sys.stderr)
        return int(Exit.STOPPED)
    except Exception as error:
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()  # what click says about wrong usage
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0
