"""`sentinel import prometheus`: alerting rules of Prometheus as rules over stored metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sentinel.cli.output import AsJson
from sentinel.cli.rule_imports import DryRun, Receivers, Tenant, deployed, texts_of
from sentinel.errors import ConfigurationError
from sentinel.tenant import checked_tenant

if TYPE_CHECKING:
    from datetime import timedelta

    from sentinel.ingest.reported import Reported

__all__ = ["Version", "add_to", "interval_of", "version_of"]

Version = Annotated[
    int,
    typer.Option(
        "--prometheus", metavar="2|3",
        help="Version whose ranges are meant: those of 3 begin after their start.",
    ),
]  # fmt: skip


def add_to(commands: typer.Typer) -> None:
    """Add `prometheus` to the imports."""
    commands.command()(prometheus)


def prometheus(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE", help="Rule files; of a folder, all .yml and .yaml in it.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="Beginning of the deployments' names.")] = "prometheus",
    tenant: Tenant = "default",
    interval: Annotated[
        str, typer.Option(help="Period of groups that name none, such as 30s.")
    ] = "1m",
    version: Version = 2,
    external_label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", show_default=False,
            help="What templates mean by $externalLabels; repeatable.",
        ),
    ] = None,
    receiver: Receivers = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Translate rule files of Prometheus into rules of the trigger promql, and deploy them.

    Reads files of Prometheus, Thanos, mimirtool and the Prometheus operator. Each alerting rule
    becomes a rule named after its group, alert and severity, so that importing again changes what
    changed. A rule that cannot be used is reported with file, line, group and reason; recording
    rules are reported. The metrics must be sent to Sentinel. With an address, rules are translated
    here and deployed there.

    Exits with 1 if a deployment was refused or no rule can be used.

    Examples:
        sentinel import prometheus rules/ --dry-run

        sentinel --url https://sentinel.example.com import prometheus node.yml --interval 30s

    Raises:
        ConfigurationError: a file or an option cannot be used
        Exit: with 1 if a deployment was refused or no rule can be used
    """
    from sentinel.ingest.prometheus_rules.importing import imported_rules
    from sentinel.rollout.pack_files import Packed, pack_files

    checked_tenant(tenant)
    period, of = interval_of(interval, "--interval"), version_of(version)

    external = None if external_label is None else _external(external_label)

    def translated() -> tuple[Mapping[str, str], Sequence[Reported]]:
        found = imported_rules(texts_of(paths), interval=period, version=of, external=external)
        packed = [
            Packed(every=one.every, parameters=one.parameters, rule=one.rule)
            for one in found.members
        ]
        return pack_files(
            name, packed, trigger="promql", project="prometheus", tenant=tenant,
            receivers=receiver or (),
        ), found.report  # fmt: skip

    deployed(translated, dry_run=dry_run, json=json)


def interval_of(given: str, option: str) -> timedelta:
    """Return the length that an option gives.

    Args:
        given: such as 30s
        option: for the error

    Returns:
        The length, 1s or more.

    Raises:
        ConfigurationError: it is no such length
    """
    from datetime import timedelta

    from sentinel.duration import parse_duration

    try:
        found = parse_duration(given)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}") from None
    if found < timedelta(seconds=1):
        raise ConfigurationError(f"{option} must be 1s or more")
    return found


def version_of(given: int) -> Literal[2, 3]:
    """Return the version of Prometheus that an option gives.

    Args:
        given: 2 or 3

    Returns:
        The same.

    Raises:
        ConfigurationError: it is neither
    """
    if given not in (2, 3):
        raise ConfigurationError(f"--prometheus {given} is neither 2 nor 3")
    return 2 if given == 2 else 3


def _external(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not name or not equals:
            raise ConfigurationError(
                f"--external-label {one!r} has no name and value", hint="Write cluster=eu."
            )
        found[name] = text
    return found
