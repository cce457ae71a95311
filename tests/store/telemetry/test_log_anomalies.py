"""Anomalies of patterns of log lines: found once, kept, shown with what was expected."""

from __future__ import annotations

import pytest

from sentinel.errors import NotFound
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.log_anomalies import AnomalyWatch, SavedAnomalies, anomalies_saved
from sentinel.store.telemetry.pattern_mining import insert_rows
from sentinel.store.telemetry.pattern_rates import DAY, PART, season_of
from sentinel.store.telemetry.reading import Period
from tests.log_rates import BEATS, JOB, LAST, LATER, NOW, counted, noisy, one_burst


def test_what_is_unusual_is_kept_once_and_by_the_tenant_alone(telemetry: TelemetryClient) -> None:
    counted(telemetry, BEATS, one_burst)
    counted(telemetry, JOB, noisy, tenant="other")
    watch = AnomalyWatch(telemetry)
    assert sum(watch.turn(LATER) for _ in range(3)) == 1
    assert AnomalyWatch(telemetry).turn(LATER) == 0  # as another process does
    whole = Period(NOW - DAY, NOW)
    (found,) = SavedAnomalies(telemetry, "acme").saved(whole)
    assert (found.ns, found.lines, found.season) == (NOW - 2 * PART, 400, DAY)
    day = sum(noisy(part) for part in range(2 * 288, 3 * 288) if part != LAST - 1) + 400
    assert found.low <= 22 <= found.high < 40
    assert (found.pattern.template, found.pattern.lines) == ("did b <*>", day)
    assert SavedAnomalies(telemetry, "other").saved(whole) == []
    assert SavedAnomalies(telemetry, "acme").saved(Period(NOW - DAY, NOW - 2 * PART)) == []
    shown = anomalies_saved(SavedAnomalies(telemetry, "acme"), whole, service="shop", limit=1)
    assert (shown.saved, shown.anomalies[0].pattern.query) == (True, f"pattern:{BEATS}")
    assert anomalies_saved(
        SavedAnomalies(telemetry, "acme"), whole, service="mail", limit=1
    ).anomalies == []  # fmt: skip


def test_a_process_that_died_before_its_mark_leaves_no_anomaly_twice(
    telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(Exception):
        pass

    def dies(client: TelemetryClient, table: str, rows: list[dict[str, object]]) -> None:
        if any(not row["Pattern"] for row in rows):
            raise Died
        insert_rows(client, table, rows)

    counted(telemetry, BEATS, one_burst)
    with monkeypatch.context() as patch:
        patch.setattr("sentinel.store.telemetry.log_anomalies.insert_rows", dies)
        with pytest.raises(Died):
            AnomalyWatch(telemetry).turn(LATER)
    assert AnomalyWatch(telemetry).turn(LATER + 1) == 1
    assert len(SavedAnomalies(telemetry, "acme").saved(Period(NOW - DAY, NOW))) == 1


def test_a_peak_of_each_day_is_expected_and_the_day_without_it_is_not(
    telemetry: TelemetryClient,
) -> None:
    peak = range(200, 212)
    last = NOW - DAY

    def job(part: int) -> int:
        return noisy(part) + (300 if part % 288 in peak and part < 2 * 288 else 0)

    counted(telemetry, JOB, job)
    AnomalyWatch(telemetry).turn(LATER)
    found = SavedAnomalies(telemetry, "acme").saved(Period(last, NOW))
    assert [one.ns for one in found] == [last + 200 * PART]
    assert found[0].lines < found[0].low < 30 < 300 < found[0].high


def test_a_peak_is_not_reported_again_as_what_is_missing_a_day_later(
    telemetry: TelemetryClient,
) -> None:
    counted(telemetry, JOB, lambda part: 300 if part in (430, 431) else noisy(part))
    watch = AnomalyWatch(telemetry)
    watch.turn(LATER)
    assert SavedAnomalies(telemetry, "acme").saved(Period(NOW - DAY, NOW)) == []


def test_the_rate_of_a_pattern_has_its_lines_and_what_was_expected(
    telemetry: TelemetryClient,
) -> None:
    counted(telemetry, BEATS, noisy, born=NOW - 60 * PART)
    reader = SavedAnomalies(telemetry, "acme")
    rate = reader.rate(BEATS, Period(NOW - 70 * PART, LATER))
    assert (rate.season, season_of(rate.pattern, NOW + 40 * 3_600 * 10**9)) == (0, DAY)
    assert [one.ns for one in rate.parts] == list(range(NOW - 70 * PART, NOW, PART))
    assert [one.lines for one in rate.parts[:11]] == [0] * 10 + [noisy(LAST - 59)]
    assert [one.low is None for one in rate.parts] == [True] * 41 + [False] * 29
    last = rate.parts[-1]
    assert last.low is not None
    assert last.high is not None
    assert last.low <= last.lines <= last.high
    for tenant, id_ in (("other", BEATS), ("acme", JOB)):
        with pytest.raises(NotFound, match=f"there is no pattern '{id_}'"):
            SavedAnomalies(telemetry, tenant).rate(id_, Period(NOW - 70 * PART, NOW))
