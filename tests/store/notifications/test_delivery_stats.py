"""How reliably channels accept messages."""

from __future__ import annotations

from datetime import timedelta

from sentinel.clock import FakeClock
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.database.tables import DELIVERY
from sentinel.store.notifications.delivery_stats import delivered

DAY = timedelta(days=1)


def sent(
    store: Store, channel: str, state: str, error: str = "", *, latency_ms: int | None = None
) -> None:
    with store.write() as connection:
        connection.execute(
            DELIVERY.insert().values(
                id=new_id(), group_id="g", receiver="ops", channel=channel, message_id="m",
                reason="first", state=state, attempt=1, error=error, by="relay", reference="",
                started_at=store.now(), ended_at=None if state == "sending" else store.now(),
                latency_ms=latency_ms,
            )
        )  # fmt: skip


def test_attempts_are_counted_by_result(store: Store, clock: FakeClock):
    sent(store, "sentinel-email/ops", "failed", "older")
    sent(store, "sentinel-email/ops", "failed", "newer")
    for state in ("sent", "sent", "sending"):
        sent(store, "sentinel-email/ops", state)
    sent(store, "sentinel-webhook/x", "refused", "401")
    found = delivered(store, DAY)
    mail = found["sentinel-email/ops"]
    assert (mail.sent, mail.failed, mail.refused, mail.rate) == (2, 2, 0, 0.5)
    assert mail.error == "newer"
    assert mail.last == clock.now()
    assert found["sentinel-webhook/x"].rate == 0


def test_unfinished_attempts_have_no_success_rate(store: Store):
    sent(store, "inbox", "sending")
    assert delivered(store, DAY)["inbox"].rate is None


def test_attempts_before_the_period_do_not_count(store: Store, clock: FakeClock):
    sent(store, "inbox", "sent")
    clock.forward(hours=25)
    assert delivered(store, DAY) == {}


def test_the_latency_is_that_within_which_95_of_100_ended(store: Store):
    for milliseconds in (*range(1, 101), None):
        sent(store, "sentinel-email/ops", "sent", latency_ms=milliseconds)
    sent(store, "inbox", "sent", latency_ms=7)
    sent(store, "sentinel-webhook/x", "sending")
    found = delivered(store, DAY)
    assert {ref: one.latency_ms for ref, one in found.items()} == {
        "sentinel-email/ops": 95, "inbox": 7, "sentinel-webhook/x": None,
    }  # fmt: skip
    assert (found["sentinel-email/ops"].median_ms, found["inbox"].median_ms) == (50, 7)
