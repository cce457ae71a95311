"""`sentinel rule export` and `sentinel rule import`: rules as files, from Prefect and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sentinel.cli import completion
from sentinel.cli.deploy import deploy
from sentinel.cli.output import AsJson, say
from sentinel.cli.target import settings_here
from sentinel.errors import NotFound

__all__ = ["entry_of", "export", "import_"]

_LEFT_OUT = ("id", "created", "updated", "deployment_id", "active")
_RULES = "flows.rules."


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Rules; all of them where none is named.",
            show_default=False,
            autocompletion=completion.rules,
        ),
    ] = None,
    form: Annotated[
        Literal["yaml", "json"], typer.Option("--format", help="How it is written.")
    ] = "yaml",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file, not the terminal.")
    ] = None,
) -> None:
    """Write rules, as Prefect has them now, as a file that can be rolled out again.

    Rules that were made by hand are among them. Secrets are not: a rule names the block that has
    them.

    Examples:
        sentinel rule export > rules.yaml

        sentinel rule export disk-full cpu-high --format json --output rules.json
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
            f"Prefect has no rule {', '.join(missing)}",
            hint="See: sentinel rule list; sentinel deploy rolls rules out.",
        )
    text = _written(list(entries.values()), form)
    if output is None:
        say(text.rstrip("\n"))
    else:
        output.write_text(text, "utf-8")
        say(f"{len(entries)} rules are in {output}.")


def import_(
    files: Annotated[
        list[Path], typer.Argument(help="Files of rules, YAML or JSON.", show_default=False)
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Roll out rules from files that were exported, or written like `prefect.yaml`.

    It is `sentinel deploy --file`: only what changed, and what users switched stays as it is.

    Examples:
        sentinel rule import rules.yaml --dry-run

        sentinel rule import rules.json
    """
    deploy(pack=None, file=files, dry_run=dry_run, remove=False, json=json)


def entry_of(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment, as Prefect's API gives it, as an entry of a file."""
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
        import msgspec

        return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
    import yaml

    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100)
