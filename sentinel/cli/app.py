"""Assemble the commands, and turn errors into one sentence and an exit code."""

from __future__ import annotations

import inspect
import sys
import traceback
from types import TracebackType

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
from sentinel.cli.output import complain
from sentinel.errors import SentinelError
from sentinel.printable import clean_log_records, printable

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
    sentinel status                        processes and their addresses
    sentinel doctor                        problems, and how to fix them
    sentinel watch URL                     alert on a Prefect server that you have already
    sentinel deploy --pack machine         deploy shipped rules; by default, your prefect.yaml

**Work through alerts**

    sentinel alert list                    open alerts, highest severity first
    sentinel alert show 0192f3             one alert and its timeline (an id's prefix is enough)
    sentinel alert ack 0192f3 -m "on it"
    sentinel alert suppress 0192f3 --for 2h -m "the array is being rebuilt"

**Rules and triggers**

    sentinel rule list                     rules and their last evaluation
    sentinel rule run disk-full            evaluate now, and follow the flow run
    sentinel rule disable disk-full -m "moving house"
    sentinel trigger run disk_space --above 80    run a check once, on this machine
    sentinel trigger new queue_length      create a check and its test from a template

**Notify people**

    sentinel channel add slack ops --receiver default
    sentinel channel test ops

Every list accepts `--json`. Settings are environment variables, see `.env.example`.
The Tab key completes names and ids after `sentinel --install-completion`.

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


def _omit_raises(group: typer.Typer) -> None:
    """Omit the section `Raises` of docstrings from the help; it is for readers of the code."""
    for command in group.registered_commands:
        doc = inspect.getdoc(command.callback) or ""
        command.help = doc.partition("\nRaises:\n")[0].rstrip()
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _omit_raises(inner.typer_instance)


_omit_raises(app)


def _print_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print an unexpected error as Python does, but for control characters in its message."""
    complain("".join(traceback.format_exception(kind, error, trace)).rstrip())


def main() -> int:
    """Run the command that `sys.argv` names.

    Returns:
        The exit code, a value of `sentinel.cli.exit_codes.Exit`.
    """
    clean_log_records()
    try:
        code = app(standalone_mode=False)
    except SentinelError as error:
        complain(f"sentinel: {error}")
        return int(exit_code_of(error))
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        complain("sentinel: stopped")
        return int(Exit.STOPPED)
    except Exception as error:
        show = getattr(error, "show", None)
        if show is None:
            sys.excepthook = _print_traceback  # not before: Typer sets its own
            raise
        # Click's message about wrong usage, which quotes the arguments.
        if isinstance(message := getattr(error, "message", None), str):
            vars(error)["message"] = printable(message)
        show()
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0
