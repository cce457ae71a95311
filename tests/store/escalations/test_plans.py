"""What is asked about pages all the time reads a partial index, and not all pages ever sent."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import event

from sentinel.store import Store
from sentinel.store.escalations import bundles, gathered, pages, sending, watching
from sentinel.store.reports.escalations import figures_query
from tests.databases import both_databases

NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
GIVEN: dict[str, Any] = {
    "now": NOW, "lost": NOW, "most": 50, "before": NOW,
    "tried": NOW, "receiver": "ann", "to": "ann",
    "later": NOW, "page": "p", "escalations": ["e"], "states": ["pending"],
}  # fmt: skip
ASKED: dict[str, tuple[Any, str]] = {
    "due": (vars(pages)["_DUE"], "escalation_page_due"),
    "next": (vars(pages)["_NEXT_AT"], "escalation_page_due"),
    "others": (vars(bundles)["_OTHERS"], "escalation_page_due"),
    "later": (vars(bundles)["_LATER"], "escalation_page_due"),
    "unsent": (vars(watching)["_QUERIES"]["unsent"], "escalation_page_due"),
    "further": (vars(sending)["_FURTHER"], "escalation_page_gathered"),
    "release": (vars(gathered)["_RELEASE"], "escalation_page_gathered"),
    "release one": (vars(gathered)["_RELEASE_ONE"], "escalation_page_gathered"),
    "stands": (vars(gathered)["_STANDS"], "escalation_page_gathered"),
    "unreached": (vars(watching)["_QUERIES"]["unreached"], "escalation_page_due"),
    "behind": (vars(watching)["_QUERIES"]["behind"], "escalation_page_gathered"),
    "figures": (figures_query, "escalation_by_time"),
    "figures of one": (partial(figures_query, policy="db", team="db"), "escalation_by_time"),
}


@both_databases
def test_each_reads_the_partial_index(store: Store):
    sqlite = store.dialect == "sqlite"
    said = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    with store.write() as connection, connection.begin_nested() as tried:
        sent: list[tuple[str, Any]] = []
        event.listen(
            connection, "before_cursor_execute", lambda *given: sent.append((given[2], given[3]))
        )
        if not sqlite:  # an empty table is read whole unless that is ruled out
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            # Nor does an empty table tell the index of an escalation's pages from the others.
            connection.exec_driver_sql("DROP INDEX escalation_page_of")
        for name, (asked, index) in ASKED.items():
            query: Any = asked(store.dialect, NOW) if callable(asked) else asked
            known = {one: GIVEN[one] for one in query.compile().params if one in GIVEN}
            connection.execute(query, known)
            text, values = sent[-1]
            plan = connection.exec_driver_sql(f"{said} {text}", values).all()
            assert index in str(plan), (name, plan)
            assert not sqlite or name != "figures" or "COVERING INDEX" in str(plan)
        tried.rollback()  # the index is there again
