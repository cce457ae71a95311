"""Many groups page one receiver within a minute: what is gathered, and what is not."""

from __future__ import annotations

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.databases import both_databases
from tests.engine.test_paging import Paging


@both_databases
def test_a_storm_neither_delays_nor_hides_what_is_critical(store: Store, clock: FakeClock):
    paging = Paging(store, clock, group_by=["mount"], when={"levels": {"low": 90, "critical": 98}})
    paging.sees({f"/{number}": 95.0 for number in range(10)})
    assert len(paging.heard()) == 6
    clock.forward(seconds=5)
    storm = {f"/{number}": 95.0 for number in range(70)}
    store.apply(paging.evaluation({**storm, "/boot": 99.0}))
    paging.pages()
    ((_, one),) = paging.recorder.messages
    assert one.severity == "critical"
    # One that stands for others is the most severe of them.
    paging.recorder.messages.clear()
    clock.forward(minutes=2)
    paging.heard()
    clock.forward(minutes=2)
    worse = {f"/new{number}": 95.0 if number < 10 else 99.0 for number in range(16)}
    store.apply(paging.evaluation({**storm, **worse}))
    paging.pages()
    mains = [one for _, one in paging.recorder.messages if "further" in one.reason_text]
    assert [one.severity for one in mains] == ["critical"]


def test_pages_of_a_vendor_that_keeps_incidents_are_never_gathered(store: Store, clock: FakeClock):
    paging = Paging(store, clock, group_by=["mount"])
    store.receivers.set("ann", ["sentinel-pagerduty/ann"])
    paging.sees({f"/{number}": 99.0 for number in range(20)})
    paging.pages()
    assert len({one.dedup_key for _, one in paging.recorder.messages}) == 20
