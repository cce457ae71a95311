"""`sentinel agent …`: the small process for hosts without a worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.agent.config import AgentConfig

__all__ = ["commands"]

_DEFAULT = Path("/etc/sentinel/agent.yaml")
File = Annotated[Path, typer.Option("--config", "-c", help="The configuration, a YAML file.")]

commands = typer.Typer(
    no_args_is_help=True,
    help="""
Send host metrics, lines of files, syslog and heartbeats of a host without a worker.

A configuration, of which all but the first three lines may be left out:

    url: https://sentinel.example.com:8400
    token_file: /etc/sentinel/agent-token     # a key: sentinel key create web-1 --role responder
    state: /var/lib/sentinel-agent            # what waits to be sent, and positions in files
    buffer: 256MB
    metrics: {every: 30s}
    heartbeat: {job: web-1, every: 1m}
    files:
      - {path: "/var/log/nginx/*.log", service: nginx}
    syslog: {port: 5514}
""",
)


@commands.command()
def run(config: File = _DEFAULT) -> None:
    """Collect and send until SIGTERM or Ctrl-C; what was not sent waits on disk.

    While the API does not answer, batches wait in `state`. When they have the size of `buffer`,
    what waits is kept and the newest is refused: files are read no further and TCP is held back,
    while samples and messages of UDP are dropped and counted (`agent.dropped`).

    Example:
        sentinel agent run --config /etc/sentinel/agent.yaml
    """
    import logging
    import signal
    from threading import Event

    from sentinel.agent.run import run_agent
    from sentinel.clock import SystemClock

    chosen = _config(config)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # one line for each request
    stop = Event()

    def end(number: int, frame: object) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    run_agent(chosen, SystemClock(), stop)


@commands.command()
def check(config: File = _DEFAULT, json: AsJson = False) -> None:
    """Check a configuration: its fields, key, files, ports, and whether the API takes what is sent.

    Nothing is sent. The exit code is 1 if the agent would not work.

    Examples:
        sentinel agent check

        sentinel agent check --config agent.yaml --json

    Raises:
        Exit: with code 1, if something is wrong
    """
    from sentinel.agent.check import check_agent

    found = list(check_agent(_config(config)))
    if json:
        import msgspec

        json_out([msgspec.to_builtins(one) for one in found])
    else:
        rows = [[one.what, "ok" if one.ok else "PROBLEM", one.says] for one in found]
        print_table(["what", "state", "details"], rows, empty="")
    if not all(one.ok for one in found):
        raise typer.Exit(Exit.FAILED)
    if not json:
        say("The agent can run.")


def _config(path: Path) -> AgentConfig:
    from sentinel.agent.config import config_of

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(
            f"{path} cannot be read: {why}",
            hint="Write one as `sentinel agent --help` shows, and name it by --config.",
        ) from None
    return config_of(text, str(path))
