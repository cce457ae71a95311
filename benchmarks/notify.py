"""Notifications: how fast the pipeline decides beside a real Alertmanager, and what arrives when.

`pipeline_decisions_per_second` is alerts through the pure pipeline (route, group, silence, inhibit,
decide, limit) in one process, per second of processor time; `stored_decisions_per_second` the same
alerts as evaluations into SQLite until every message is composed and claimed. The peer of both is
Debian's Alertmanager with the same 100,000 alerts, 1,000 routes, 1,000 silences and 100 inhibition
rules, per second of its processor time, which has its HTTP API and the webhooks of 1,000 groups in
it.

Beside these alerts, `one_changed_alert` is the median of what one more costs in the pure pipeline,
and `one_changed_alert_stored` of the transaction in which one opens again or is resolved, until it
is committed: milliseconds of the clock.

The other rows are seconds of the clock on the product as `sentinel up` starts it, from the commit
of an evaluation until the end of the delivery to the inbox, through the Automation: at rest, and
beside 120 rules of `disk_space` that are evaluated every minute. The storm has a product of its
own: while it lasts, the receiver's other alerts are in its messages.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import text

from benchmarks.notify_alertmanager import alertmanager
from benchmarks.notify_pipeline import ALERTS, alert_labels, document, pipeline, silences
from benchmarks.table import Row
from sentinel import Reading, Rule
from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.evaluation.model import Evaluation
from sentinel.notifications.message_limit import MINUTE
from sentinel.store import Store, StoreOptions
from sentinel.store.notifications.deliveries import Outcome
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.routes import Routes
from tests.system.product import Product

FINDINGS = 40
STORM = 10_000
BESIDE, BESIDE_EVERY = 120, 60
CHANGED = 101
CHANGED_BUDGET = 5.0
P95_BUDGET = 1.5
BESIDE_BUDGET = 2.0
STORM_BUDGET = 15.0
_PIECE = 10_000
_DEPLOYED = 40


def run() -> list[Row]:
    """Decisions beside Alertmanager's, then seconds until a person is reached, and messages."""
    sent, seconds, version = alertmanager()
    peer = f"Alertmanager {version}"
    ours, own, changed = pipeline()
    _, stored, changed_stored = _stored()
    if not ours <= sent:
        raise RuntimeError(f"we send {ours:,} alerts, Alertmanager {sent:,}")
    rows = [
        Row(name=name, value=ALERTS / took, unit="alerts/s", peer=peer, peer_value=ALERTS / seconds)
        for name, took in (
            ("pipeline_decisions_per_second", own), ("stored_decisions_per_second", stored)
        )
    ]  # fmt: skip
    rows += [
        _budget("one_changed_alert", changed * 1000, "ms", CHANGED_BUDGET),
        _budget("one_changed_alert_stored", changed_stored * 1000, "ms", CHANGED_BUDGET),
    ]
    return [*rows, *_product()]


def _evaluation(
    rule: Rule, labels: list[dict[str, str]], store: Store, value: float = 95.0
) -> Evaluation:
    now = store.now()
    return Evaluation(
        rule=rule, trigger="disk_space", slot=now, at=now, default_category="system",
        unit="percent", source=RunSource(flow_run_id="bench"),
        observation=Observation(
            readings=[Reading(labels=one, value=value) for one in labels], state={}
        ),
    )  # fmt: skip


def _stored() -> tuple[int, float, float]:
    """Decide on all alerts in a database.

    Returns:
        How many are in the messages, the seconds of processor time, and the median of the seconds
        in which one changed alert is committed.
    """
    with tempfile.TemporaryDirectory() as folder:
        # As in the pure pipeline, nothing is limited: there are a thousand messages.
        options = StoreOptions(messages_per_minute=0, storm_alerts=0)
        store = Store(f"sqlite:///{folder}/notify.db", options=options)
        store.migrate()
        Routes(store).apply(yaml.safe_dump(document()), actor="bench")
        until = store.now() + timedelta(hours=1)
        for wanted in silences():
            matchers = ",".join(f'{name}="{value}"' for name, value in wanted.items())
            MatcherSilences(store).create(["{" + matchers + "}"], until, actor="bench")
        every = alert_labels()
        sent = 0
        began = time.process_time()
        for begin in range(0, ALERTS, _PIECE):
            rule = Rule.model_validate({"name": f"disk-{begin}", "when": {"above": 90}})
            store.apply(_evaluation(rule, every[begin : begin + _PIECE], store))
        spent = time.process_time() - began
        time.sleep(1.5)  # the groups' group_wait
        began = time.process_time()
        while claimed := store.notification_log.claim("bench"):
            sent += sum(one.firing for one in claimed)
            store.notification_log.finish([Outcome(sent=one) for one in claimed])
        spent += time.process_time() - began
        changed = _changed(store)
        store.close()
        return sent, spent, changed


def _changed(store: Store) -> float:
    """Return the median of the seconds in which one alert opens again, or is resolved."""
    rule = Rule.model_validate({"name": "changed", "when": {"above": 90}})
    labels = {**alert_labels()[0], "host": "host-0-1", "mount": "/changed"}
    took: list[float] = []
    for number in range(CHANGED):
        evaluation = _evaluation(rule, [labels], store, 5.0 if number % 2 else 95.0)
        began = time.perf_counter()
        store.apply(evaluation)
        took.append(time.perf_counter() - began)
    return statistics.median(took[1:])


def _product() -> list[Row]:
    """Measure on the whole product: findings one at a time, beside rules, and a storm."""
    with _started() as (product, store, folder):
        at_rest = [_finding(product, store, number) for number in range(FINDINGS + 1)][1:]
        _add_rules(product, folder)
        beside = [_finding(product, store, 100 + number) for number in range(FINDINGS)]
    with _started() as (product, store, _):
        _finding(product, store, 0)
        first, messages = _storm(product, store)
    return [
        *_findings("finding_to_message", at_rest, P95_BUDGET),
        *_findings(f"finding_to_message_beside_{BESIDE}_rules", beside, BESIDE_BUDGET),
        _budget("storm_first_message", first, "s", STORM_BUDGET),
        _budget("storm_messages_in_a_minute", messages, "messages", 1),
    ]


@contextmanager
def _started() -> Generator[tuple[Product, Store, Path]]:
    """Start the product, and yield it with its database and a folder."""
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder))
        product.start("--no-demo")
        try:
            store = product.store()
            yield product, store, Path(folder)
            store.close()
        finally:
            product.stop()


def _findings(name: str, times: list[float], budget: float) -> list[Row]:
    p95 = statistics.quantiles(times, n=20)[-1]
    return [
        _budget(f"{name}_p95", p95, "s", budget),
        _budget(f"{name}_median", statistics.median(times), "s", budget),
    ]


def _add_rules(product: Product, folder: Path) -> None:
    """Deploy cheap rules that find nothing, and wait until all of them are evaluated."""
    entries = [
        {
            "name": f"beside-{number}",
            "entrypoint": "flows.rules.disk_space",
            "work_pool": {"name": "sentinel"},
            "pull": [],
            "parameters": {
                "rule": {"name": f"beside-{number}", "every": f"{BESIDE_EVERY}s",
                         "when": {"above": 200}}
            },
            "schedules": [{"interval": BESIDE_EVERY, "slug": "every"}],
        }
        for number in range(BESIDE)
    ]  # fmt: skip
    file = folder / "prefect.yaml"
    for begin in range(0, BESIDE, _DEPLOYED):
        some = entries[begin : begin + _DEPLOYED]
        file.write_text(yaml.safe_dump({"name": "beside", "deployments": some}))
        done = product.run("deploy", "--file", str(file))
        if done.returncode:
            raise RuntimeError(f"the rules were not deployed: {done.stdout}{done.stderr}")
    product.eventually(lambda: _evaluated(product) == BESIDE, "every rule is evaluated", 240)


def _evaluated(product: Product) -> int:
    """Return how many of the rules beside were evaluated."""
    store = product.store()
    try:
        rules = store.rules.list()
    finally:
        store.close()
    return sum(one.name.startswith("beside-") and one.evaluations > 0 for one in rules)


def _budget(name: str, value: float, unit: str, budget: float) -> Row:
    return Row(name=name, value=value, unit=unit, peer="budget", peer_value=budget)


def _finding(product: Product, store: Store, number: int) -> float:
    """Return the seconds from the commit of one finding to the end of its delivery."""
    # Not in step with the second of the wakes.
    time.sleep(2 + (number * 0.37) % 1)
    rule = Rule.model_validate({"name": f"one-{number}", "when": {"above": 90}, "group_wait": "0s"})
    store.apply(_evaluation(rule, [{"mount": "/"}], store))
    committed = store.now()
    (sent,) = product.eventually(
        lambda: _delivered(store, f"one-{number}"), f"message {number} is sent", 60
    )
    took = (sent - committed).total_seconds()
    if took < 0:
        raise RuntimeError(f"message {number} was sent {-took:.1f} s before its finding")
    return took


def _storm(product: Product, store: Store) -> tuple[float, int]:
    """Return the seconds from the first commit of a storm to its message, and how many came.

    Its rules have the usual group_wait, and each alert is a group.
    """
    each = STORM // 10
    before = store.now()
    for number in range(10):
        rule = Rule.model_validate(
            {"name": f"storm-{number}", "when": {"above": 90}, "group_by": ["mount"],
             "severity": "high"}
        )  # fmt: skip
        labels = [{"mount": f"/{number}/{one}"} for one in range(each)]
        store.apply(_evaluation(rule, labels, store))
    after = {"since": before}
    product.eventually(lambda: _sent_since(store, after), "the storm's first message", 120)
    first = _sent_since(store, after)[0]
    time.sleep(max(0.0, 60 - (store.now() - before).total_seconds()))
    sent = _sent_since(store, after)
    with store.read() as connection:
        runs = connection.execute(
            text(
                "SELECT count(*) FROM outbox WHERE event = 'sentinel.wake.requested' "
                "AND occurred >= :since AND occurred < :until"
            ),
            {**after, "until": before + MINUTE},
        ).scalar_one()
        named = connection.execute(
            text("SELECT firing FROM alert_group WHERE route LIKE 'storm:%'")
        ).scalars()
        print(f"the storm: {runs} starts of notify, {sum(named):,} alerts in its group")
    return (first - before).total_seconds(), len(sent)


def _delivered(store: Store, rule: str) -> list[Any]:
    with store.read() as connection:
        return list(
            connection.execute(
                text(
                    "SELECT d.ended_at FROM delivery d "
                    "JOIN group_member m ON m.group_id = d.group_id "
                    "JOIN alert a ON a.id = m.alert_id WHERE a.rule = :rule AND d.state = 'sent'"
                ),
                {"rule": rule},
            ).scalars()
        )


def _sent_since(store: Store, since: dict[str, Any]) -> list[Any]:
    with store.read() as connection:
        query = (
            "SELECT d.ended_at FROM delivery d JOIN alert_group g ON g.id = d.group_id "
            "WHERE d.state = 'sent' AND d.ended_at >= :since AND g.tenant = 'default' "
            "ORDER BY d.ended_at"
        )
        return list(connection.execute(text(query), since).scalars())
