"""`sentinel import elastalert`: rules of ElastAlert as event policies, deployed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.output import AsJson
from sentinel.cli.prometheus_imports import interval_of
from sentinel.cli.rule_imports import (
    DryRun,
    Receivers,
    Source,
    Tenant,
    deployed,
    source_of,
    texts_of,
)
from sentinel.tenant import checked_tenant

if TYPE_CHECKING:
    from sentinel.ingest.reported import Reported

__all__ = ["add_to"]


def add_to(commands: typer.Typer) -> None:
    """Add `elastalert` to the imports."""
    commands.command()(elastalert)


def elastalert(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE", help="Rules of ElastAlert; of a folder, all .yml and .yaml in it.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="Of the deployment.")] = "elastalert",
    tenant: Tenant = "default",
    source: Source = "event",
    buffer_time: Annotated[
        str, typer.Option(help="What ElastAlert's configuration says, such as 15m.")
    ] = "15m",
    receiver: Receivers = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Translate rules of ElastAlert into event policies, and deploy them.

    Each rule becomes a policy named after the rule, so that importing again changes what changed.
    A rule that cannot be used is reported with the reason; the others are deployed. Alerters are
    not translated: name receivers. With an address, rules are translated here and deployed there.

    Exits with 1 if a deployment was refused or no rule can be used.

    Examples:
        sentinel import elastalert rules/ --dry-run

        sentinel --url https://sentinel.example.com import elastalert rules/ --source log

    Raises:
        ConfigurationError: a file or an option cannot be used
        Exit: with 1 if a deployment was refused or no rule can be used
    """
    from sentinel.ingest.elastalert.reading import imported_elastalert
    from sentinel.rollout.policy_files import policy_files

    checked_tenant(tenant)
    matched, buffer = source_of(source), interval_of(buffer_time, "--buffer-time")

    def translated() -> tuple[Mapping[str, str], Sequence[Reported]]:
        found = imported_elastalert(texts_of(paths), source=matched, buffer=buffer)
        return policy_files(
            name, found.policies, project="elastalert", tenant=tenant, receivers=receiver or ()
        ), found.report

    deployed(translated, dry_run=dry_run, json=json)
