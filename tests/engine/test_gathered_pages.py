"""What one page stands for is sent after all where that page is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, Resolve, Suppress
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.alerts.apply_escalation import carry_out
from sentinel.store.escalations.claims import claim_due
from sentinel.store.escalations.pages import page_answered
from sentinel.store.escalations.sending import claim_pages
from tests.databases import both_databases
from tests.engine.test_paging import Paging

MINUTE = timedelta(minutes=1)


def test_what_a_page_stood_for_is_sent_where_that_page_is_not(store: Store, clock: FakeClock):
    paging = Paging(store, clock, group_by=["mount"])
    paging.sees({f"/{number}": 99.0 for number in range(8)})
    carry_out(store, claim_due(store, clock.now()))
    assert len(claim_pages(store, "test")) == 6
    (main,) = paging.rows(
        "SELECT DISTINCT gathered_in AS id FROM escalation_page WHERE gathered_in <> ''"
    )
    page_answered(store, main.id, clock.now(), error="no answer")
    states = paging.rows("SELECT state FROM escalation_page WHERE receiver = 'ann' ORDER BY state")
    assert [row.state for row in states] == ["attempted"] * 5 + ["failed"] + ["pending"] * 2


def gathered_behind(paging: Paging) -> tuple[str, list[str]]:
    """Claim the pages of eight groups; gives the page that stands for others, and its alerts."""
    paging.sees({f"/{number}": 99.0 for number in range(8)})
    carry_out(paging.store, claim_due(paging.store, paging.clock.now()))
    assert len(claim_pages(paging.store, "test")) == 6
    ((main, group),) = paging.rows(
        "SELECT id, group_id FROM escalation_page "
        "WHERE id IN (SELECT gathered_in FROM escalation_page WHERE gathered_in <> '')"
    )
    members = paging.rows(f"SELECT alert_id FROM group_member WHERE group_id = '{group}'")
    return main, [row.alert_id for row in members]


@both_databases
@pytest.mark.parametrize("sender", ["lost", "died", "sent", "waits"])
def test_what_a_page_stood_for_is_sent_also_where_the_group_of_that_page_rests(
    store: Store, clock: FakeClock, sender: str
):
    paging = Paging(store, clock, group_by=["mount"])
    main, mine = gathered_behind(paging)

    def behind() -> dict[str, int]:
        found = paging.rows(
            "SELECT state, count(*) AS n FROM escalation_page WHERE kind = 'page' AND "
            "state IN ('gathered', 'pending', 'dropped') AND receiver = 'ann' GROUP BY state"
        )
        return {row.state: row.n for row in found}

    assert behind() == {"gathered": 2}
    if sender == "lost":  # found before the group ends
        clock.forward(seconds=61)
        store.act(mine, Resolve(actor="ann"))
        assert behind() == {"pending": 2, "dropped": 1}
    elif sender == "waits":
        page_answered(store, main, clock.now(), error="busy", retry_at=clock.now() + MINUTE)
        assert behind() == {"gathered": 2, "pending": 1}
        store.act(mine, Suppress(actor="ann", until=clock.now() + 60 * MINUTE))
        assert behind() == {"pending": 3}
    else:
        store.act(mine, Acknowledge(actor="ann"))
        if sender == "sent":
            page_answered(store, main, clock.now())
        clock.forward(seconds=61)
        assert behind() == ({"gathered": 2} if sender == "sent" else {"pending": 2})
    clock.forward(seconds=61)
    told = [one for one in paging.heard() if one[0] == "sentinel-webhook/ann"]
    # Those whose sender died, and the two; not what somebody acknowledged or muted.
    assert len(told) == (5 if sender == "sent" else 7)
