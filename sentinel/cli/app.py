"""Assemble the commands, and turn errors into one sentence and an exit code."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from importlib import metadata
from types import TracebackType
from typing import Annotated

import typer

from sentinel.cli import (
    access,
    agent,
    alert_watch,
    archive,
    audit,
    backup,
    canary,
    channels,
    consumer_keys,
    database,
    deliveries,
    deploy,
    digest,
    drill,
    elastalert_imports,
    escalation,
    event_destinations,
    events,
    incidents,
    instance,
    keys,
    limits,
    log_anomalies,
    mappings,
    message_limits,
    message_templates,
    noise,
    notify,
    oncall_feeds,
    oncall_imports,
    orchestration,
    orchestration_tables,
    owners,
    packs,
    people,
    person,
    preparation,
    prometheus_imports,
    receivers,
    related,
    reports,
    requests,
    roles,
    route_shadow,
    routes,
    rules,
    services,
    sigma_imports,
    silences,
    slo_imports,
    slos,
    status_pages,
    support,
    system,
    telemetry,
    traces,
    triggers,
    vendor_channels,
    watch,
    web_feeds,
    worker,
)
from sentinel.cli.exit_codes import Exit, exit_code_list, exit_code_of
from sentinel.cli.help_text import set_help
from sentinel.cli.library_logs import quiet_libraries
from sentinel.cli.output import complain, say
from sentinel.cli.remote_url import OVER_HTTP, refuse_remote
from sentinel.errors import SentinelError
from sentinel.printable import clean_log_records, printable

__all__ = ["app", "main"]

_LOGGING = ("agent", "up", "api", "public-pages", "relay", "dashboard", "worker", "trigger")
"""Commands whose logs are what their reader looks at; `trigger run` shows those of the check."""

app = typer.Typer(
    name="sentinel",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""
Alerts built out of Prefect: a rule is a deployment, a check is a flow run.

**Begin**

    sentinel up                        start the whole product; Ctrl-C stops it
    sentinel status                    processes and their addresses
    sentinel doctor                    problems, and how to fix them
    sentinel watch URL                 alert on a Prefect server of yours
    sentinel pack list                 packs of rules; pack install deploys one
    sentinel deploy                    deploy the rules of prefect.yaml here

**Work through alerts**

    sentinel alert list                open alerts, highest severity first
    sentinel alert show 0192f3         one alert, by a prefix of its id
    sentinel alert ack 0192f3 -m "on it"
    sentinel alert suppress 0192f3 --for 2h -m "rebuilding the array"

**Rules and triggers**

    sentinel rule list                 rules and their last evaluation
    sentinel rule run disk-full        evaluate now, and follow the flow run
    sentinel rule disable disk-full -m "moving house"
    sentinel trigger run disk_space    run a check once, on this machine
    sentinel trigger new queue_length  create a check and its test

**Notify people**

    sentinel channel add slack ops --receiver default
    sentinel channel test ops
    sentinel oncall now                who is called now, and who is next
    sentinel escalation test default   whom a page would reach, and when
    sentinel canary status             whether alerts reach each channel
    sentinel drill db --wait 15m       page a team by a test alert; who answers

Every list accepts `--json`. Settings are environment variables, see `.env.example`.
The Tab key completes names and ids after `sentinel --install-completion`.

**Exit codes**

{exit_code_list()}
""",
)

instance.add_to(app)
system.add_to(app)
support.add_to(app)
reports.add_to(app)
deploy.add_to(app)
preparation.add_to(app)
watch.add_to(app)
worker.add_to(app)
app.add_typer(system.pool, name="pool")
app.add_typer(database.commands, name="db")
app.add_typer(telemetry.commands, name="telemetry")
app.add_typer(agent.commands, name="agent")
app.add_typer(archive.commands, name="archive")
app.add_typer(requests.commands, name="requests")
app.add_typer(backup.commands, name="backup")
alert_watch.add_to(related.commands)
app.add_typer(related.commands, name="alert")
app.add_typer(noise.commands, name="noise")
event_destinations.add_to(events.commands)
app.add_typer(events.commands, name="event")
app.add_typer(web_feeds.commands, name="feed")
app.add_typer(rules.commands, name="rule")
app.add_typer(packs.commands, name="pack")
app.add_typer(mappings.commands, name="mapping")
app.add_typer(silences.commands, name="silence")
app.add_typer(services.commands, name="service")
app.add_typer(status_pages.commands, name="status-page")
slo_imports.add_to(slos.commands)
app.add_typer(slos.commands, name="slo")
app.add_typer(incidents.commands, name="incident")
app.add_typer(triggers.commands, name="trigger")
app.add_typer(receivers.commands, name="receiver")
vendor_channels.add_commands(channels.adding)
message_limits.add_commands(receivers.commands, channels.commands)
message_templates.add_commands(receivers.commands)
app.add_typer(channels.commands, name="channel")
app.add_typer(canary.commands, name="canary")
app.add_typer(deliveries.commands, name="delivery")
routes.commands.add_typer(route_shadow.commands, name="shadow")
app.add_typer(routes.commands, name="route")
orchestration.commands.add_typer(orchestration_tables.tables, name="table")
orchestration.commands.add_typer(orchestration_tables.shadow, name="shadow")
app.add_typer(orchestration.commands, name="orchestration")
app.add_typer(oncall_feeds.commands, name="oncall")
app.add_typer(digest.commands, name="digest")
app.add_typer(escalation.commands, name="escalation")
app.command()(drill.drill)
app.add_typer(notify.commands, name="notify")
app.add_typer(owners.commands, name="owner")
prometheus_imports.add_to(oncall_imports.commands)
elastalert_imports.add_to(oncall_imports.commands)
sigma_imports.add_to(oncall_imports.commands)
app.add_typer(oncall_imports.commands, name="import")
app.add_typer(keys.commands, name="key")
app.add_typer(consumer_keys.commands, name="apikey")
app.add_typer(limits.commands, name="limit")
app.add_typer(people.commands, name="user")
app.add_typer(roles.commands, name="role")
app.add_typer(log_anomalies.commands, name="log")
app.add_typer(traces.commands, name="trace")
app.add_typer(access.commands, name="access")
app.add_typer(audit.commands, name="audit")
app.add_typer(person.commands, name="person")


def _print_version(asked: bool) -> None:
    if asked:
        found = (metadata.version("sentinel-alerts"), metadata.version("prefect"))
        say("sentinel {} (Prefect {}, Python {})".format(*found, platform.python_version()))
        raise typer.Exit


@app.callback()
def prepare(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the versions of Sentinel, Prefect and Python, and exit.",
        ),
    ] = False,
    url: Annotated[
        str,
        typer.Option(
            help="Address of a Sentinel API to use instead of the database here; commands that "
            "need the database refuse it. SENTINEL_URL is the same, and SENTINEL_TOKEN has the "
            "token.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Prepare this process for the command."""
    if url:
        os.environ["SENTINEL_URL"] = url
        if context.invoked_subcommand not in OVER_HTTP:
            refuse_remote()
    if context.invoked_subcommand not in _LOGGING:
        quiet_libraries()


set_help(app)


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
            vars(error)["message"] = printable(message.removeprefix("Value error, "))
        show()
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0
