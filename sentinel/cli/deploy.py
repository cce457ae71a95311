"""`sentinel deploy`: deploy the changes of rule files, and nothing else."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.output import AsJson, complain, json_out, say
from sentinel.cli.target import home_of, settings_here
from sentinel.printable import printable

if TYPE_CHECKING:
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.flow_cache import Facts, FlowCache
    from sentinel.rollout.plan import Live, Step
    from sentinel.settings import Settings

__all__ = [
    "add_to",
    "answer",
    "as_json",
    "carried_out",
    "deploy",
    "flow_cache_of",
    "receivers_here",
    "retire",
    "rules_here",
    "schedules_here",
    "set_prefect_api",
]

_DONE = {
    "created": "created",
    "changed": "changed",
    "removed": "removed",
    "refused": "REFUSED",
}
_TO_DO = {
    "created": "would be created",
    "changed": "would be changed",
    "removed": "would be removed",
    "refused": "WOULD BE REFUSED",
}


def deploy(
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", "-p", help="A pack shipped with Sentinel, or `all`; repeatable."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(
            "--file",
            "-f",
            help="A deployment file such as prefect.yaml; repeatable.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan; change nothing.")
    ] = False,
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Delete deployments that these files no longer contain."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Deploy the changes of rule files; by default, of the `prefect.yaml` in this folder.

    Each deployment becomes what `prefect deploy` would make of it. Only deployments that differ
    are sent to Prefect, several at a time. Schedules, pauses and Automations stay on or off as
    users switched them. Rules made by hand are not touched. A rule that was edited in Prefect is
    printed with its differences and reset to its file. The alerts of a removed rule close as
    "rule disabled", never as recovered. Where separation of duties is on, a change to a critical
    rule is refused until a second person approves it; then deploy again.

    Exits with 1 if a deployment was refused; the others are deployed.

    Examples:
        sentinel deploy --dry-run

        sentinel deploy --pack prefect --pack machine

        sentinel deploy --file rules/payments.yaml --remove

    Raises:
        Exit: with 1 if a deployment was refused
    """
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.apply import plan_rollout
    from sentinel.rollout.files import read_files

    began = time.monotonic()
    settings = settings_here()
    entries = read_files(_files(pack or [], file or []))
    with RolloutApi.of(settings) as api:
        set_prefect_api(settings)
        steps = plan_rollout(
            api, entries, flow_cache_of(settings), remove=remove,
            receivers=receivers_here(), schedules=schedules_here(),
        )  # fmt: skip
        if not dry_run:
            steps = carried_out(api, steps, silent=json)
    answer(steps, dry_run=dry_run, json=json, seconds=time.monotonic() - began)


def carried_out(api: RolloutApi, steps: Sequence[Step], *, silent: bool) -> list[Step]:
    """Carry out a plan, with a row of the audit trail for each deployment where a database answers.

    Args:
        api: the API of the Prefect server
        steps: of the plan
        silent: print no progress

    Returns:
        The steps as they were carried out.
    """
    from sentinel.cli.change_log import approved_steps, note_applied, recorded
    from sentinel.rollout.apply import apply_plan
    from sentinel.rollout.audited import changes_of, refused_of

    permitted, approved = approved_steps(steps)
    planned = changes_of(permitted)
    with Progress(_todo(permitted), silent=silent) as progress, recorded(planned, door="deploy"):

        def finish(step: Step) -> None:
            """Do what follows of one step at once: another one may stop the rollout."""
            if step.kind == "removed" and step.live is not None:
                retire(step.live)
            note_applied(approved, [step])
            progress.step(step)

        done = apply_plan(api, permitted, progress=finish)
    if refused := refused_of(planned, done):
        with recorded(refused, door="deploy"):
            pass
    return done


def answer(
    steps: Sequence[Step], *, dry_run: bool, json: bool, seconds: float,
    nothing: str = "nothing to deploy",
) -> None:  # fmt: skip
    """Print what a rollout did, or would do.

    Args:
        steps: of the rollout
        dry_run: whether nothing was changed
        json: print JSON
        seconds: that it took
        nothing: said where there are no steps

    Raises:
        Exit: with 1 if a deployment was refused
    """
    from sentinel.cli.exit_codes import Exit

    if json:
        json_out(as_json(steps, dry_run=dry_run, seconds=seconds))
    else:
        _say(steps, dry_run=dry_run, seconds=seconds, nothing=nothing)
    if any(step.kind == "refused" for step in steps):
        raise typer.Exit(Exit.FAILED)


def receivers_here() -> list[str] | None:
    """Return the names of the receivers in the database; None where it cannot be asked."""
    from sentinel.cli.target import open_store
    from sentinel.errors import SentinelError

    try:
        with open_store() as store:
            return list(store.receivers.all())
    except SentinelError:
        return None


def schedules_here() -> list[str] | None:
    """Return the names of the on-call document's schedules; None where it cannot be asked."""
    from sentinel.cli.target import open_store
    from sentinel.errors import SentinelError
    from sentinel.store.oncall.documents import OnCallDocuments

    try:
        with open_store() as store:
            return list(OnCallDocuments(store).active().schedules)
    except SentinelError:
        return None


def _files(packs: Sequence[str], files: Sequence[Path]) -> list[Path]:
    from sentinel.errors import ConfigurationError
    from sentinel.rollout import files as known

    if not packs and not files:
        found = rules_here()
        if found is None:
            raise ConfigurationError(
                "this folder has no prefect.yaml",
                hint="Name a file with --file, or a pack with --pack.",
            )
        return [found]
    chosen = list(known.packs()) if "all" in packs else packs
    return [*(known.pack_file(name) for name in chosen), *files]


def rules_here() -> Path | None:
    """Return the `prefect.yaml` of the present folder, else Sentinel's own, else None."""
    from sentinel.rollout.drift import rules_file

    return rules_file()


def flow_cache_of(settings: Settings) -> FlowCache:
    """Return the cache of flow descriptions in the folder of this machine's instance."""
    from sentinel.rollout.flow_cache import FlowCache

    return FlowCache(_prefect, home_of(settings).root / "rollout-facts.json")


def _prefect() -> Facts:
    from flows import flow_facts  # the import takes seconds and is needed only for a change

    return flow_facts


def retire(live: Live) -> int:
    """Close the alerts of a rule whose deployment was deleted.

    If the database does not answer, they stay open and a message says so: a person can resolve
    them.

    Args:
        live: the deleted deployment

    Returns:
        The number of alerts closed.
    """
    from sentinel.cli.target import actor, open_store
    from sentinel.errors import DatabaseError

    parameters: dict[str, Any] = live.deployment.get("parameters") or {}
    rule: dict[str, Any] = parameters.get("rule") or {}
    if not rule.get("name"):
        return 0
    try:
        with open_store() as store:
            tenant = str(rule.get("tenant") or "default")
            return store.rules.retire(str(rule["name"]), actor=actor(), tenant=tenant)
    except DatabaseError as error:
        complain(f"Alerts of {rule['name']} were not closed: {error}")
        return 0


def set_prefect_api(settings: Settings) -> None:
    """Point Prefect's client at the same server; it resolves blocks and variables of a file."""
    from sentinel.links import Addresses

    os.environ.setdefault("PREFECT_API_URL", Addresses.of(settings).prefect_api)
    login = settings.prefect_auth_string.get_secret_value()
    if login and os.environ["PREFECT_API_URL"] == Addresses.of(settings).prefect_api:
        os.environ["PREFECT_API_AUTH_STRING"] = login


class Progress:
    """A progress bar on an interactive terminal; without a terminal it prints nothing."""

    def __init__(self, total: int, *, silent: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("Deploying"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=silent or not console.is_terminal or total == 0,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def step(self, step: Step) -> None:
        """Advance the bar by one finished step."""
        self._bar.update(self._task, advance=1, description=printable(step.name))


def _todo(steps: Sequence[Step]) -> int:
    return sum(step.kind in ("created", "changed", "removed") for step in steps)


def _say(steps: Sequence[Step], *, dry_run: bool, seconds: float, nothing: str) -> None:
    words = _TO_DO if dry_run else _DONE
    for step in steps:
        if step.kind == "unchanged":
            continue
        edited = ", because it was edited in Prefect" if step.drift else ""
        say(f"{step.name} ({step.file}) {words[step.kind]}{edited}")
        for difference in step.differences:
            say(f"  {difference}")
        for reason in step.reasons:
            say(f"  {reason}")
    counts = Counter(step.kind for step in steps)
    parts = [
        f"{counts[kind]} {word}"
        for kind, word in (*words.items(), ("unchanged", "unchanged"))
        if counts[kind]
    ]
    say(f"{', '.join(parts).lower() or nothing} ({seconds:.1f} s).")


def as_json(steps: Sequence[Step], *, dry_run: bool, seconds: float) -> dict[str, Any]:
    """Return what a rollout did, or would do.

    Args:
        steps: of the rollout
        dry_run: whether nothing was changed
        seconds: that it took

    Returns:
        The deployments by what became of them.
    """

    def named(step: Step) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": step.name, "file": step.file}
        if step.differences:
            shown["differences"] = [
                {"place": one.place, "prefect": one.there, "file": one.here}
                | ({"hidden": True} if one.hidden else {})
                for one in step.differences
            ]
            shown["drift"] = step.drift
        if step.reasons:
            shown["reasons"] = list(step.reasons)
        return shown

    kinds = ("created", "changed", "removed", "refused", "unchanged")
    return {
        "dry_run": dry_run,
        "seconds": round(seconds, 3),
        **{kind: [named(step) for step in steps if step.kind == kind] for kind in kinds},
    }


def add_to(app: typer.Typer) -> None:
    """Add `deploy` to `app`."""
    app.command()(deploy)
