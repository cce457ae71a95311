"""`sentinel rule export` and `sentinel rule import`: rules from Prefect to a file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sentinel.cli import completion
from sentinel.cli.deploy import deploy
from sentinel.cli.output import AsJson, say
from sentinel.cli.remote_url import refuse_remote, remote_url
from sentinel.cli.target import settings_here
from sentinel.errors import NotFound

__all__ = ["export", "import_"]

_RULES = "flows.rules."


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
    Not over `--url`, since it reads the Prefect of this machine; `GET …/rules/NAME/prefect.yaml`
    of the API exports one rule.

    Examples:
        sentinel rule export > rules.yaml

        sentinel rule export disk-full cpu-high --format json --output rules.json

    Raises:
        NotFound: Prefect has no deployment of a named rule
    """
    refuse_remote()
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.exported import entry_of, written

    with RolloutApi.of(settings_here()) as api:
        live = api.live(names or None)
    entries = {
        one.name: entry_of(one.deployment)
        for one in sorted(live, key=lambda one: one.name)
        if str(one.deployment.get("entrypoint") or "").startswith(_RULES)
    }
    missing = sorted(set(names or ()) - entries.keys())
    if missing:
        raise NotFound(
            f"Prefect has no deployment of the rule {', '.join(missing)}",
            hint="List rules: sentinel rule list. Deploy them: sentinel deploy",
        )
    text = written(list(entries.values()), form)
    if output is None:
        say(text.rstrip("\n"))
    else:
        output.write_text(text, "utf-8")
        say(f"Exported {len(entries)} rules to {output}.")


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
