"""Anomalies of patterns of log lines: found by the process that finds the patterns, and kept.

Every five minutes the rates of each tenant's patterns are judged against their season, and what is
unusual becomes a row of `log_anomalies`. A row without a pattern says up to when a tenant was
judged, so that another process goes on there; it is written last, and what a crash left is judged
again, and has the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.log_patterns import LogPattern, moments
from sentinel.store.telemetry.pattern_mining import insert_rows
from sentinel.store.telemetry.pattern_rates import (
    DAY,
    PART,
    PatternRates,
    UnusualPattern,
    anomaly_view,
)
from sentinel.store.telemetry.reading import Parameters, Period
from sentinel.telemetry import answers
from sentinel.telemetry.pattern_shape import WILDCARD

__all__ = ["AnomalyWatch", "SavedAnomalies", "anomalies_saved"]

_NS = "toUnixTimestamp64Nano(Timestamp)"
_KNOWN = 7 * DAY
"""How far back it is looked up to when tenants were judged."""


class AnomalyWatch:
    """Judges the rates of all tenants' patterns, and keeps what is unusual.

    One process at a time should, which is a matter of work and not of truth.

    Args:
        client: that writes
    """

    def __init__(self, client: TelemetryClient) -> None:
        self._client = client
        self._judged: dict[str, int] | None = None

    def turn(self, now: int, may_go_on: Callable[[], bool] = lambda: True) -> int:
        """Judge the tenant that waits longest, where five minutes have ended since.

        One a turn: it takes a second of a core, and alerts do not wait for it.

        Args:
            now: nanoseconds since 1970
            may_go_on: asked before each look

        Returns:
            How many anomalies were kept.

        Raises:
            TelemetryError: the store refuses
            TelemetryUnavailable: it does not answer; what was not judged is judged later
        """
        judged = self._judged = self._judged_before(now) if self._judged is None else self._judged
        due = sorted(
            (judged.get(tenant, 0), tenant)
            for tenant in self._tenants(now)
            if judged.get(tenant, 0) + PART <= now
        )
        for before, tenant in due:
            if not may_go_on():
                return 0
            reader = PatternRates(self._client, tenant)
            until = reader.looked_at(Period(0, now), "", DAY) // PART * PART
            period = Period(max(before, until - DAY), until)
            if period.since < period.until:
                found = reader.every_unusual(period)
                insert_rows(
                    self._client, "log_anomalies", [_row(tenant, one, now) for one in found]
                )
                insert_rows(self._client, "log_anomalies", [_mark(tenant, until, now)])
                judged[tenant] = until
                return len(found)
        return 0

    def _tenants(self, now: int) -> list[str]:
        rows = self._client.rows(
            "SELECT DISTINCT Tenant AS tenant FROM log_mined "
            "WHERE Timestamp >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')",
            {"since": now - DAY},
        )
        return [row["tenant"] for row in rows]

    def _judged_before(self, now: int) -> dict[str, int]:
        rows = self._client.rows(
            f"SELECT Tenant AS tenant, max({_NS}) AS until FROM log_anomalies "  # noqa: S608 - literals
            "WHERE Pattern = '' AND Timestamp >= fromUnixTimestamp64Nano({since:Int64}, 'UTC') "
            "GROUP BY tenant",
            {"since": now - _KNOWN},
        )
        return {row["tenant"]: row["until"] for row in rows}


class SavedAnomalies(PatternRates):
    """Reads the anomalies of one tenant's patterns that were kept."""

    def saved(self, period: Period, service: str = "", limit: int = 100) -> list[UnusualPattern]:
        """Return the anomalies of a period.

        Args:
            period: in which the five minutes began that were unusual
            service: whose lines; empty for all
            limit: most anomalies

        Returns:
            The newest first; the figures of their patterns are of the period.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        parameters = Parameters()
        condition = "Pattern != ''"
        condition += f" AND ServiceName = {parameters.bind(service)}" if service else ""
        columns = ", ".join(
            f"argMax({column}, At) AS {name}"
            for name, column in (
                ("own", "ServiceName"), ("lines", "Lines"), ("usual", "Usual"), ("low", "Low"),
                ("high", "High"), ("season", "Season"), ("rarity", "Rarity"),
            )
        )  # fmt: skip
        rows = self.rows(
            self.scoped("log_anomalies", f"Pattern AS id, {_NS} AS ns, {columns}", condition)
            + " GROUP BY id, ns ORDER BY ns DESC, rarity DESC, id "
            f"LIMIT {parameters.bind(limit, 'UInt64')}",
            period, parameters.values,
        )  # fmt: skip
        patterns = self._patterns({row["id"]: row for row in rows}, period)
        return [
            UnusualPattern(
                pattern=patterns[row["id"]], ns=row["ns"], lines=row["lines"], usual=row["usual"],
                low=row["low"], high=row["high"], season=row["season"] * 10**9,
                rarity=row["rarity"],
            )
            for row in rows
        ]  # fmt: skip

    def _patterns(
        self, rows: Mapping[str, Mapping[str, Any]], period: Period
    ) -> dict[str, LogPattern]:
        """Return patterns by id; one that has no lines any more, with what is stored of it."""
        if not rows:
            return {}
        found = {one.id: one for one in self.found(period, limit=len(rows), ids=list(rows))}
        stored = self.templates([id_ for id_ in rows if id_ not in found])
        for id_, row in rows.items():
            if id_ not in found:
                one = stored.get(id_, {})
                found[id_] = LogPattern(
                    id=id_, service=row["own"], template=one.get("template", WILDCARD),
                    sample=one.get("sample", ""), created=one.get("created", row["ns"]), lines=0,
                    before=0, levels={}, first=row["ns"], last=row["ns"],
                )  # fmt: skip
        return found


def _row(tenant: str, one: UnusualPattern, now: int) -> dict[str, Any]:
    return {
        "Tenant": tenant, "ServiceName": one.pattern.service, "Timestamp": one.ns,
        "Pattern": one.pattern.id, "Lines": one.lines, "Usual": one.usual, "Low": one.low,
        "High": one.high, "Rarity": one.rarity, "Season": one.season // 10**9, "At": now,
    }  # fmt: skip


def _mark(tenant: str, until: int, now: int) -> dict[str, Any]:
    return {
        "Tenant": tenant, "ServiceName": "", "Timestamp": until, "Pattern": "", "Lines": 0,
        "Usual": 0.0, "Low": 0.0, "High": 0.0, "Rarity": 0.0, "Season": 0, "At": now,
    }  # fmt: skip


def anomalies_saved(
    reader: SavedAnomalies, period: Period, *, service: str, limit: int
) -> answers.AnomaliesFound:
    """Return the anomalies that were kept as the API answers them.

    Args:
        reader: of the tenant
        period: in which they were
        service: whose lines; empty for all
        limit: most anomalies

    Returns:
        The newest first.

    Raises:
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    views = [anomaly_view(one, period) for one in reader.saved(period, service, limit)]
    return answers.AnomaliesFound(**moments(period), saved=True, anomalies=views)
