"""Puts the commands together, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import sys

import typer

from sentinel.cli import alerts, deploying, receivers, rules, running, system, watching
from sentinel.cli.exits import exit_of
from sentinel.errors import SentinelError

__all__ = ["app", "main"]

app = typer.Typer(
    name="sentinel",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""
Alerts built out of Prefect: a rule is a deployment, a check is a flow run.

**Begin**

    sentinel up                            start the whole product here; Ctrl-C stops it
    sentinel status                        what runs where
    sentinel doctor                        what is wrong, and what to do about it

**Work through alerts**

    sentinel alert list                    what is open, worst first
    sentinel alert show 0192f3             one alert and its timeline (the start of an id will do)
    sentinel alert ack 0192f3 -m "on it"
    sentinel rule disable disk-full -m "moving house"

Every list takes `--json`. Settings are environment variables, see `.env.example`.

Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 3 not found,
4 conflict (runs already, changed by somebody else), 5 database or Prefect does not answer.
""",
)

running.add_to(app)
system.add_to(app)
deploying.add_to(app)
watching.add_to(app)
app.add_typer(system.pool, name="pool")
app.add_typer(system.database, name="db")
app.add_typer(alerts.commands, name="alert")
app.add_typer(rules.commands, name="rule")
app.add_typer(receivers.commands, name="receiver")


def main() -> int:
    """Run the command that `sys.argv` names; returns or exits with its code."""
    try:
        code = app(standalone_mode=False)
    except SentinelError as error:
        print(f"sentinel: {error}", file=sys.stderr)
        return int(exit_of(error))
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        print("sentinel: stopped", file=sys.stderr)
        return 130
    except Exception as error:
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()  # what click says about wrong usage
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0
