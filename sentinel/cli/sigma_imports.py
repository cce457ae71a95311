"""`sentinel import sigma`: rules of Sigma as event policies, deployed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.document_versions import text_of
from sentinel.cli.output import AsJson
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
    """Add `sigma` to the imports."""
    commands.command()(sigma)


def sigma(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE", help="Rules of Sigma; of a folder, all .yml and .yaml in it.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="Of the deployment.")] = "sigma",
    tenant: Tenant = "default",
    source: Source = "event",
    logsources: Annotated[
        Path | None,
        typer.Option(
            help="YAML that says which events a logsource means.", show_default="not compared"
        ),
    ] = None,
    receiver: Receivers = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Translate Sigma rules, correlations and filters into event policies, and deploy them.

    Each rule becomes a rule of Sentinel named after its id, so that importing again changes what
    changed and makes nothing twice. A rule that cannot be used is reported with the reason; the
    others are deployed. With an address, they are translated here and deployed there.

    Exits with 1 if a deployment was refused or no rule can be used.

    Examples:
        sentinel import sigma rules/ --dry-run

        sentinel import sigma rules/windows --logsources logsources.yaml --dry-run

        sentinel --url https://sentinel.example.com import sigma rules/linux --name sigma-linux

    Raises:
        ConfigurationError: a file cannot be read, or there are too many rules
        Exit: with 1 if a deployment was refused or no rule can be used
    """
    from sentinel.ingest.sigma.logsources import log_sources
    from sentinel.ingest.sigma.reading import imported_sigma
    from sentinel.rollout.policy_files import policy_files

    checked_tenant(tenant)
    matched = source_of(source)
    sources = None if logsources is None else log_sources(text_of(logsources), str(logsources))

    def translated() -> tuple[Mapping[str, str], Sequence[Reported]]:
        found = imported_sigma(texts_of(paths), source=matched, sources=sources)
        return policy_files(
            name, found.policies, project="sigma", tenant=tenant, receivers=receiver or ()
        ), found.report

    deployed(translated, dry_run=dry_run, json=json)
