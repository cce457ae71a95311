"""`sentinel rule export` and `sentinel rule import`: rules from Prefect to a file, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sentinel.cli import completion
from sentinel.cli.deploy import deploy
from sentinel.cli.output import AsJson, json_text, say
from sentinel.cli.target import settings_here
from sentinel.errors import NotFound
from sentinel.printable import has_controls

__all__ = ["entry_of", "export", "import_"]

_LEFT_OUT = ("id", "created", "updated", "deployment_id", "active")
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

    Examples:
        sentinel rule export > rules.yaml

        sentinel rule export disk-full cpu-high --format json --output rules.json

    Raises:
        NotFound: Prefect has no deployment of a named rule
    """
    from sentinel.rollout.api import RolloutApi

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
    text = _written(list(entries.values()), form)
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

    Examples:
        sentinel rule import rules.yaml --dry-run

        sentinel rule import rules.json
    """
    deploy(pack=None, file=files, dry_run=dry_run, remove=False, json=json)


def entry_of(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a file for a deployment as Prefect's API returns it."""
    pool: dict[str, Any] = {"name": deployment.get("work_pool_name")}
    if deployment.get("work_queue_name") not in (None, "", "default"):
        pool["work_queue_name"] = deployment["work_queue_name"]
    if deployment.get("job_variables"):
        pool["job_variables"] = deployment["job_variables"]
    made: dict[str, Any] = {
        "name": deployment["name"],
        "description": deployment.get("description"),
        "tags": list(deployment.get("tags") or ()),
        "entrypoint": deployment["entrypoint"],
        "pull": [],
        "work_pool": pool,
        "parameters": deployment.get("parameters") or {},
        "schedules": [_schedule(one) for one in deployment.get("schedules") or ()],
    }
    limit = deployment.get("concurrency_limit")
    if limit is None and isinstance(deployment.get("global_concurrency_limit"), Mapping):
        limit = deployment["global_concurrency_limit"].get("limit")
    options: Mapping[str, Any] = deployment.get("concurrency_options") or {}
    if limit is not None:
        made["concurrency_limit"] = {"limit": limit, **options} if options else limit
    if deployment.get("paused"):
        made["paused"] = True
    return {name: value for name, value in made.items() if value not in (None, [])} | {
        "pull": [],
        "schedules": made["schedules"],
    }


def _schedule(given: Mapping[str, Any]) -> dict[str, Any]:
    schedule: Mapping[str, Any] = given.get("schedule") or {}
    made: dict[str, Any] = {
        name: value
        for name, value in schedule.items()
        if value is not None and name not in _LEFT_OUT
    }
    if isinstance(made.get("interval"), float) and made["interval"].is_integer():
        made["interval"] = int(made["interval"])
    if given.get("slug"):
        made["slug"] = given["slug"]
    if given.get("parameters"):
        made["parameters"] = given["parameters"]
    if given.get("active") is False:
        made["active"] = False
    return made


def _written(entries: Sequence[Mapping[str, Any]], form: str) -> str:
    whole = {"name": "sentinel", "deployments": list(entries)}
    if form == "json":
        return json_text(whole) + "\n"
    import yaml

    text = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100)
    # YAML's own escapes keep the value; the ones of `say` would change it.
    if has_controls(text):
        text = yaml.safe_dump(whole, sort_keys=False, width=100)
    return text
