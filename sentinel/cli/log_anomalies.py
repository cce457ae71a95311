"""`sentinel log anomalies`, `rate`: rates of patterns of log lines against what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli import log_search
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.telemetry_search import (
    Limit,
    Since,
    Tenant,
    Until,
    answer,
    asked_here,
    patterns_here,
    when,
)
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from datetime import timedelta

    from sentinel.store.telemetry.reading import Period
    from sentinel.telemetry.answers import AnomaliesFound, PatternRateFound

__all__ = ["commands"]

commands = log_search.commands
"""Those of the search, and these."""


@commands.command()
def anomalies(
    service: Annotated[
        str, typer.Option(help="Whose lines. By default, of all.", show_default=False)
    ] = "",
    history: Annotated[
        str,
        typer.Option(
            help="Judge the rates now, by so much of the past, such as 2d, the default with "
            "--season; at most 7d with it.",
            show_default=False,
        ),
    ] = "",
    season: Annotated[
        str,
        typer.Option(
            help="Judge the rates now, and compare with so long before, such as 1d.",
            show_default=False,
        ),
    ] = "",
    since: Since = "24h",
    until: Until = "",
    limit: Limit = 100,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """List patterns of log lines whose rate was unusual for them, the newest first.

    The API judges rates every five minutes and keeps what is unusual as long as log lines. A
    pattern is judged once it has 110 times five minutes of history, about nine hours, and against
    the day before once it is 33 hours old. With `--history` or `--season`, rates are judged now,
    and the most unusual pattern comes first.

    Examples:
        sentinel log anomalies --since 2h

        sentinel log anomalies --service payments --season 1d --history 6d

    Raises:
        ConfigurationError: `--history` or `--season` is no length, or both are too long
    """
    from sentinel.client import telemetry

    lengths = _lengths(history, season)

    def here() -> AnomaliesFound:
        from sentinel.store.telemetry.log_anomalies import anomalies_saved
        from sentinel.store.telemetry.pattern_rates import anomalies_found

        period, reader = _period(since, until), patterns_here(tenant)
        if lengths is None:
            return anomalies_saved(reader, period, service=service, limit=limit)
        found = anomalies_found(
            reader, period, service=service, history=lengths[0], season=lengths[1]
        )
        return found.model_copy(update={"anomalies": found.anomalies[:limit]})

    found = answer(
        telemetry.anomalies(
            service_name=service, since=since, until=until, history=history, season=season,
            limit=limit, tenant=tenant,
        ),
        here,
    )  # fmt: skip
    if json:
        json_out(found.model_dump())
        return
    print_table(
        ("From", "Lines", "Usual", "One in", "Service", "Pattern", "ID"),
        [
            (when(one.timestamp), f"{one.count:,}", _bounds(one.low, one.high),
             f"{one.rarity:,.0f}", one.pattern.service_name, one.pattern.template, one.pattern.id)
            for one in found.anomalies
        ],
        empty="No pattern was unusual.",
    )  # fmt: skip


@commands.command()
def rate(
    pattern: Annotated[str, typer.Argument(help="Id of the pattern, of `log patterns --json`.")],
    since: Since = "24h",
    until: Until = "",
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Show how many lines a pattern had in each five minutes, and how many were expected.

    Five minutes outside what was expected are marked with `*`.

    Example:
        sentinel log rate 9f86d081884c7d65 --since 6h
    """
    from sentinel.client import telemetry

    def here() -> PatternRateFound:
        from sentinel.store.telemetry.pattern_rates import rate_found

        return rate_found(patterns_here(tenant), pattern, _period(since, until))

    found = answer(telemetry.pattern_rate(pattern, since=since, until=until, tenant=tenant), here)
    if json:
        json_out(found.model_dump())
        return
    say(f"{found.pattern.service_name}: {found.pattern.template}")
    print_table(
        ("From", "Lines", "Usual", ""),
        [
            (when(one.start), f"{one.count:,}", _bounds(one.low, one.high),
             "" if one.low is None or one.high is None or one.low <= one.count <= one.high else "*")
            for one in found.parts
        ],
        empty="No five minutes of this time have ended yet.",
    )  # fmt: skip


def _bounds(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:,.1f} to {high:,.1f}"


def _period(since: str, until: str) -> Period:
    from sentinel.store.telemetry.reading import Period
    from sentinel.telemetry.query import LOG_FIELDS

    asked = asked_here("", LOG_FIELDS, since, until)
    return Period(asked.since, asked.until)


def _lengths(history: str, season: str) -> tuple[timedelta, timedelta] | None:
    """Return with how much of the past rates are compared now; None to read what was kept."""
    from sentinel.telemetry.asked import BadParameter, compared_lengths

    if not history and not season:
        return None
    try:
        return compared_lengths(history or "2d", season or "0s")
    except BadParameter as error:
        raise ConfigurationError(
            f"--{error.field}: {error}", hint="Write a length such as 2d or 6h."
        ) from None
