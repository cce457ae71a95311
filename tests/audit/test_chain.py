"""The chain of hashes: whatever is altered, removed, moved or inserted is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.audit.chain import (
    GENESIS,
    Checkpoint,
    Entry,
    Head,
    Person,
    digest,
    pseudonym,
    sign,
    verify,
)

BEGAN = datetime(2026, 11, 29, 8, tzinfo=UTC)
KEY = "the owner's"
PEOPLE = {
    one.id: one
    for one in (
        Person(pseudonym(name, "salt"), name, "salt") for name in ("ada", "grace", "sentinel")
    )
}
FIELDS = (
    "id", "at", "actor", "kind", "door", "tenant", "action", "object_kind", "object_id",
    "object_name", "before", "after", "note", "seq", "chained_at", "previous", "hash",
)  # fmt: skip
texts = st.text(max_size=12)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """What a row says, before it is chained."""
    return {
        "actor": draw(st.sampled_from(sorted(PEOPLE))), "kind": draw(texts), "door": draw(texts),
        "tenant": draw(texts), "action": draw(texts), "object_kind": draw(texts),
        "object_id": draw(texts), "object_name": draw(texts), "note": draw(texts),
        "before": draw(st.none() | texts), "after": draw(st.none() | texts),
    }  # fmt: skip


def hashed(row: Entry, **more: Any) -> Entry:
    row = msgspec.structs.replace(row, **more)
    return msgspec.structs.replace(row, hash=digest(row))


def chained(given: list[dict[str, Any]], start: Head | None = None) -> list[Entry]:
    head = start or Head()
    rows: list[Entry] = []
    for number, one in enumerate(given):
        at = BEGAN + timedelta(seconds=number)
        row = Entry(
            id=f"{number:032x}", at=at, seq=head.seq + 1, chained_at=at, previous=head.hash,
            hash="", **one,
        )  # fmt: skip
        rows.append(hashed(row))
        head = end(rows)
    return rows


def end(rows: list[Entry]) -> Head:
    return Head(rows[-1].seq, rows[-1].hash) if rows else Head()


def acting(rows: list[Entry]) -> dict[str, Person]:
    return {row.actor: PEOPLE[row.actor] for row in rows if row.actor in PEOPLE}


def problems(rows: list[Entry], head: Head, **more: Any) -> list[str]:
    return verify(rows, head=head, people=more.pop("people", acting(rows)), **more).problems


chains = st.lists(contents(), min_size=2, max_size=6).map(chained)


@given(chains)
def test_a_chain_that_nobody_touched_holds(rows: list[Entry]):
    found = verify(
        rows, head=end(rows), people=acting(rows), known=[Head(1, rows[0].hash), end(rows)]
    )
    assert (found.problems, found.rows, found.head) == ([], len(rows), end(rows))


@given(st.data(), chains, st.sampled_from(FIELDS))
def test_an_altered_field_of_any_row_is_found(data: st.DataObject, rows: list[Entry], field: str):
    at = data.draw(st.integers(0, len(rows) - 1))
    was = getattr(rows[at], field)
    if isinstance(was, datetime):
        now: Any = was - timedelta(microseconds=1)
    else:
        now = was + 1 if isinstance(was, int) else f"{was or ''}x"
    altered = [*rows[:at], msgspec.structs.replace(rows[at], **{field: now}), *rows[at + 1 :]]
    assert problems(altered, end(rows))


@given(st.data(), chains)
def test_an_altered_row_whose_hash_is_made_anew_is_found(data: st.DataObject, rows: list[Entry]):
    at = data.draw(st.integers(0, len(rows) - 1))
    altered = hashed(rows[at], note=rows[at].note + "!")
    assert problems([*rows[:at], altered, *rows[at + 1 :]], end(rows))


@given(st.data(), chains)
def test_a_removed_row_is_found_wherever_it_was(data: st.DataObject, rows: list[Entry]):
    at = data.draw(st.integers(0, len(rows) - 1))
    assert problems([*rows[:at], *rows[at + 1 :]], end(rows))


@given(st.data(), chains)
def test_two_rows_that_change_places_are_found(data: st.DataObject, rows: list[Entry]):
    first = data.draw(st.integers(0, len(rows) - 2))
    second = data.draw(st.integers(first + 1, len(rows) - 1))
    moved = list(rows)
    moved[first], moved[second] = moved[second], moved[first]
    assert problems(moved, end(rows))


@given(st.data(), chains, contents())
def test_an_inserted_row_is_found(data: st.DataObject, rows: list[Entry], given: dict[str, Any]):
    at = data.draw(st.integers(0, len(rows)))
    before = end(rows[:at])
    row = Entry(
        id="f" * 32, at=BEGAN, seq=before.seq + 1, chained_at=BEGAN, previous=before.hash,
        hash=GENESIS, **given,
    )  # fmt: skip
    assert problems([*rows[:at], hashed(row), *rows[at:]], end(rows))


@given(chains, contents())
def test_a_chain_written_anew_from_a_row_on_is_told_by_the_printed_end(
    rows: list[Entry], given: dict[str, Any]
):
    given = {**given, "note": rows[-1].note + "!"}
    forged = [*rows[:-1], *chained([given], end(rows[:-1]))]
    assert problems(forged, end(forged)) == []
    assert problems(forged, end(forged), known=[end(rows)])


@given(st.data(), chains)
def test_an_end_that_was_cut_off_is_told_by_the_printed_end(data: st.DataObject, rows: list[Entry]):
    left = rows[: data.draw(st.integers(0, len(rows) - 1))]
    assert problems(left, end(left)) == []
    assert problems(left, end(left), known=[end(rows)])


@given(st.data(), chains)
def test_each_end_that_is_given_is_compared(data: st.DataObject, rows: list[Entry]):
    """Two of one row cannot both be right."""
    row = data.draw(st.sampled_from(rows))
    right, wrong = Head(row.seq, row.hash), Head(row.seq, "f" * 64)
    for given_ends in ([right, wrong], [wrong, right]):
        (said,) = problems(rows, end(rows), known=given_ends)
        assert f"row {row.seq} is not the one" in said
    assert problems(rows, end(rows), known=[right, right, Head()]) == []
    assert "row 0" in problems(rows, end(rows), known=[Head(0, "f" * 64)])[0]


def rows_of(*notes: str) -> list[Entry]:
    names = ("kind", "door", "tenant", "action", "object_kind", "object_id", "object_name")
    same: dict[str, Any] = {**dict.fromkeys(names, ""), "before": None, "after": None}
    return chained([{**same, "actor": sorted(PEOPLE)[0], "note": note} for note in notes])


def test_a_row_that_claims_to_be_older_than_what_was_chained_before_it_is_found():
    rows = rows_of("a", "b")
    late = hashed(
        rows[-1], seq=3, previous=rows[-1].hash, at=BEGAN - timedelta(hours=2),
        chained_at=BEGAN + timedelta(hours=5),
    )  # fmt: skip
    (said,) = problems([*rows, late], end([late]))
    assert "inserted" in said


def test_rows_that_waited_long_because_nobody_chained_are_no_fault():
    first, second, third = rows_of("a", "b", "c")
    at = BEGAN + timedelta(hours=9)
    second = hashed(second, chained_at=at)
    third = hashed(third, chained_at=at, previous=second.hash)
    assert problems([first, second, third], end([third])) == []


def test_a_clock_that_was_set_back_is_a_warning_and_no_forgery():
    """It was two hours ahead for a while; rows say the right time again once it was right."""
    early, ahead, right, later = rows_of("a", "b", "c", "d")
    wrong = BEGAN + timedelta(hours=2)
    ahead = hashed(ahead, at=wrong, chained_at=wrong)
    right = hashed(right, previous=ahead.hash)
    later = hashed(later, previous=right.hash)
    rows = [early, ahead, right, later]
    found = verify(rows, head=end(rows), people=acting(rows))
    assert found.problems == []
    (said,) = found.warnings
    assert "between row 2 and row 3" in said
    assert "clock" in said
    # A row that is still too old for the clock that was right again came from nowhere.
    forged = hashed(right, at=BEGAN - timedelta(hours=2))
    later = hashed(later, previous=forged.hash)
    (said,) = problems([early, ahead, forged, later], end([later]))
    assert "row 3 says" in said


def test_who_acted_cannot_be_given_another_name():
    rows = rows_of("a")
    actor = rows[0].actor
    forged = {actor: msgspec.structs.replace(PEOPLE[actor], name="somebody else")}
    assert "altered" in problems(rows, end(rows), people=forged)[0]
    assert "was removed" in problems(rows, end(rows), people={})[0]


def test_a_name_may_be_erased_only_with_a_row_that_says_so():
    (row,) = rows_of("a")
    gone = {row.actor: Person(row.actor, None, "")}
    assert "without an erasure" in problems([row], end([row]), people=gone)[0]
    # The erasure may be so new that its row waits to be chained.
    assert problems([row], end([row]), people=gone, erasing=[row.actor]) == []
    row = hashed(row, action="person.erased", object_id=row.actor)
    assert problems([row], end([row]), people=gone) == []


@pytest.mark.parametrize(
    ("key", "told"), [(KEY, []), ("another", ["is not signed"]), ("", ["nobody can tell"])]
)
def test_rows_that_retention_deleted_are_vouched_for_by_a_signature(key: str, told: list[str]):
    rows = rows_of("a", "b", "c")
    point = Checkpoint(2, rows[1].hash, BEGAN, "")
    point = msgspec.structs.replace(point, signature=sign(point, KEY))
    found = problems(rows[2:], end(rows), checkpoint=point, key=key)
    assert len(found) == len(told)
    assert all(words in said for words, said in zip(told, found, strict=True))
    assert problems(rows[1:], end(rows), checkpoint=point, key=KEY)


def test_an_end_that_retention_deleted_proves_nothing_and_is_said():
    rows = rows_of("a", "b", "c")
    point = Checkpoint(2, rows[1].hash, BEGAN, "")
    point = msgspec.structs.replace(point, signature=sign(point, KEY))
    left: dict[str, Any] = {"checkpoint": point, "key": KEY}
    for early in (Head(1, rows[0].hash), Head(1, "f" * 64), Head()):
        (said,) = problems(rows[2:], end(rows), known=[early], **left)
        assert "retention deleted" in said
        assert "row 2" in said  # from which on an end can be compared
    assert problems(rows[2:], end(rows), known=[Head(2, rows[1].hash)], **left) == []
    assert problems(rows[2:], end(rows), known=[Head(2, "f" * 64)], **left)


def test_after_retention_a_name_is_still_missed_where_its_rows_are_kept():
    """An erasure comes after all rows of its pseudonym, so it is kept as long as they are."""
    rows = rows_of("a", "b", "c")
    actor, other, _ = sorted(PEOPLE)
    point = Checkpoint(2, rows[1].hash, BEGAN, "")
    point = msgspec.structs.replace(point, signature=sign(point, KEY))
    left: dict[str, Any] = {"checkpoint": point, "key": KEY}
    gone = {other: Person(other, None, "")}  # whose erasure may be among the deleted rows
    assert problems(rows[2:], end(rows), people=acting(rows) | gone, **left) == []
    gone = {actor: Person(actor, None, "")}
    (said,) = problems(rows[2:], end(rows), people=gone, **left)
    assert "without an erasure" in said
    assert problems(rows[2:], end(rows), people=gone, erasing=[actor], **left) == []


def test_a_pseudonym_that_no_row_names_is_of_rows_that_were_removed():
    (row,) = rows_of("a")
    ada, grace, system = sorted(PEOPLE)
    people = {one: PEOPLE[one] for one in (ada, grace)}
    assert row.actor == ada
    (said,) = problems([row], end([row]), people=people)
    assert grace[:12] in said
    assert problems([row], end([row]), people=people, naming=[grace]) == []
    for words in ({"object_id": grace}, {"before": f'{{"assignee":{{"person":"{grace}"}}}}'}):
        naming = hashed(row, **words)
        assert problems([naming], end([naming]), people=people) == []
    assert problems([], Head(), people={system: PEOPLE[system]})
