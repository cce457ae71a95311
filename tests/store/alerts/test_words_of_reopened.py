"""An alert that opens from pending or again is found by what it says now, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel import Reading, Rule
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.alerts.alert_rows import is_indexed
from sentinel.store.alerts.search_syntax import read_search

LONG = "runbook " * 100
BEFORE, AFTER = "db 7 refuses writes", "db 7 is slow"

CASES: list[tuple[tuple[str, str], tuple[str, str], bool]] = [
    ((BEFORE, ""), (BEFORE, ""), True),
    ((BEFORE, ""), ("db 8 refuses writes", ""), True),
    ((BEFORE, "since noon"), ("db 81 refuses writes", "since noon"), True),
    ((BEFORE, ""), (AFTER, ""), False),
    ((BEFORE, "ticket 1"), (BEFORE, "ticket 2"), False),
    ((BEFORE, "noon"), (f"{BEFORE} since", "noon"), False),
    ((BEFORE, ""), (BEFORE, "since noon"), False),
    ((BEFORE, "since noon"), (BEFORE, ""), False),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "known"), CASES)
def test_the_index_need_learn_nothing_where_only_numbers_of_the_title_differ(
    before: tuple[str, str], after: tuple[str, str], *, known: bool
) -> None:
    assert is_indexed(" ".join(before), *after) is known
    assert not is_indexed(None, *after)


class Seen:
    """One host under a rule whose texts are those of its reading."""

    def __init__(self, store: Store, clock: FakeClock, **more: object) -> None:
        self.store, self.clock = store, clock
        self.rule = Rule.model_validate(
            {"name": "r", "when": {"above": 1}, "description": "{details.more}", **more}
        )

    def says(self, title: str, more: str = "", value: float = 2) -> None:
        self.clock.forward(seconds=60)
        reading = Reading(
            labels={"host": "a"}, value=value, summary=title, details={"more": more}
        )  # fmt: skip
        self.store.apply(
            Evaluation(
                rule=self.rule, trigger="t", slot=self.clock.now(), at=self.clock.now(),
                observation=Observation(readings=[reading], state={}),
            )
        )  # fmt: skip

    def finds(self, typed: str) -> bool:
        return bool(self.store.alerts.page(read_search(typed)).items)


@pytest.mark.parametrize("more", ["", LONG])
def test_an_alert_that_opens_again_is_found_by_its_new_words(
    store: Store, clock: FakeClock, more: str
) -> None:
    seen = Seen(store, clock)
    seen.says(BEFORE, more)
    seen.says("fine", value=0)
    seen.says(AFTER, more)
    assert seen.finds("slow")
    assert not seen.finds("refuses")


def test_an_alert_that_opens_again_is_found_by_its_new_description(
    store: Store, clock: FakeClock
) -> None:
    seen = Seen(store, clock)
    seen.says(BEFORE, "ticket 4711")
    seen.says("fine", value=0)
    seen.says(BEFORE, "ticket 4712")
    assert seen.finds("4712")
    assert not seen.finds("4711")


def test_an_alert_that_opens_from_pending_is_found_by_its_new_words(
    store: Store, clock: FakeClock
) -> None:
    seen = Seen(store, clock, **{"for": timedelta(seconds=60)})
    seen.says(BEFORE)
    seen.says(AFTER)
    assert seen.finds("slow")
    assert not seen.finds("refuses")


def test_words_that_stay_are_found_after_it_opened_again_with_another_number(
    store: Store, clock: FakeClock
) -> None:
    seen = Seen(store, clock)
    seen.says(BEFORE, "since noon")
    seen.says("fine", value=0)
    seen.says("db 8 refuses writes", "since noon")
    assert seen.finds("refuses")
    assert seen.finds("noon")
    found = seen.store.alerts.page(read_search("refuses")).items
    assert [one.title for one in found] == ["db 8 refuses writes"]
