"""`sentinel rule export` and `sentinel rule import`: rules from Prefect to a file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sentinel.cli import completion
from sentinel.cli.deploy import deploy
from sentinel.cli.output import AsJson, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here
from sentinel.printable import counted

__all__ = ["export", "import_"]


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of rules; all rules by default.",
            show_default=False,
            autocompletion=completion.rules,
        ),
    ] = None,
    form: Annotated[
        Literal["yaml", "json"], typer.Option("--format", help="Format of the file.")
    ] = "yaml",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this file instead of the terminal."),
    ] = None,
) -> None:
    """Export rules from Prefect as a file that can be deployed again.

    Rules made by hand are included. Secrets are not: a rule names the block that holds them.
    Over `--url`, those of the server that the token may read.

    Examples:
        sentinel rule export > rules.yaml

        sentinel rule export disk-full cpu-high --format json --output rules.json

        sentinel --url https://sentinel.example.com rule export --output rules.yaml

    Raises:
        NotFound: Prefect has no deployment of a named rule
    """
    text, count = (_there if remote_url() else _here)(names or [], form)
    if output is None:
        say(text.rstrip("\n"))
    else:
        output.write_text(text, "utf-8")
        say(f"Exported {counted(count, 'rule')} to {output}.")


def _here(names: list[str], form: Literal["yaml", "json"]) -> tuple[str, int]:
    """Return a file with rules of this machine's Prefect, and how many it holds."""
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.exported import exported, written

    with RolloutApi.of(settings_here()) as api:
        entries = exported(api.live(names or None), names)
    return written(entries, form), len(entries)


def _there(names: list[str], form: Literal["yaml", "json"]) -> tuple[str, int]:
    """Return a file with rules of the server, and how many it holds."""
    from sentinel.cli.remote import client_here
    from sentinel.client import exports
    from sentinel.rollout.files import read_documents

    with client_here() as client:
        text = b"".join(client.download(exports.rules(names, kind=form))).decode()
    return text, len(read_documents({f"rules.{form}": text}))


def import_(
    files: Annotated[
        list[Path], typer.Argument(help="Rule files, YAML or JSON.", show_default=False)
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan; change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Deploy rules from exported files, or from files such as `prefect.yaml`.

    The same as `sentinel deploy --file`: deploys only what changed, and leaves users' switches.
    Over `--url` a file deploys rules alone: no other code, steps, Automations or templates.

    Examples:
        sentinel rule import rules.yaml --dry-run

        sentinel rule import rules.json

        sentinel --url https://sentinel.example.com rule import rules.yaml
    """
    if remote_url():
        from sentinel.cli.notify import text_of
        from sentinel.cli.remote_rollouts import roll_out_remotely
        from sentinel.client import rule_files

        texts = text_of(files)
        roll_out_remotely(
            rule_files.plan(texts), lambda: rule_files.apply(texts), dry_run=dry_run, json=json
        )
        return
    deploy(pack=None, file=files, dry_run=dry_run, remove=False, json=json)
