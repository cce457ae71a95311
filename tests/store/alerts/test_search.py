"""Full-text search, on both databases, against what a person would find by reading."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import text

from sentinel import Reading, Rule
from sentinel.alerts.actions import Acknowledge, Resolve
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.search_syntax import read_search, searched


def raises(store: Store, clock: FakeClock, *titles: str, rule: str = "r", **more: object) -> None:
    """An alert of each title opens, the first first."""
    checked = Rule.model_validate(
        {"name": rule, "when": {"above": 1}, "annotations": {"summary": "{labels.title}"}, **more}
    )
    readings: list[Reading] = []
    for title in titles:
        clock.forward(seconds=1)
        readings.append(Reading(labels={"title": title}, value=2))
        store.apply(
            Evaluation(
                rule=checked, trigger="t", slot=clock.now(), at=clock.now(),
                observation=Observation(readings=list(readings), state={}),
            )
        )  # fmt: skip


def finds(store: Store, typed: str) -> set[str]:
    return {alert.title for alert in store.alerts.page(read_search(typed)).items}


@pytest.fixture
def some(store: Store, clock: FakeClock) -> Store:
    raises(store, clock, "Disk /data on web-01 is full", "disk slow", "The DISK-drive is fine")
    raises(store, clock, "Übung macht müde", "naïve 100% 'quoted' \"x\"", rule="cpu-high",
           category="market", team="ops", severity="critical")  # fmt: skip
    return store


FULL, SLOW, DRIVE = "Disk /data on web-01 is full", "disk slow", "The DISK-drive is fine"
UEBUNG, NAIVE = "Übung macht müde", "naïve 100% 'quoted' \"x\""


OPERATORS: list[tuple[str, set[str]]] = [
    ("disk -slow", {FULL, DRIVE}),
    ("disk NOT slow", {FULL, DRIVE}),
    ('disk -"is full" -slow', {DRIVE}),
    ("-disk", {UEBUNG, NAIVE}),
    ("-rule:cpu-high", {FULL, SLOW, DRIVE}),
    ("-team:ops slow", {SLOW}),
    ("-severity:critical -full", {SLOW, DRIVE}),
    ("-status:open", set[str]()),
    ("-nolabel:x disk", {FULL, SLOW, DRIVE}),
    ("slow OR full", {SLOW, FULL}),
    ("disk slow OR rule:cpu-high -naïve", {SLOW, UEBUNG}),
    ("status:open slow OR status:resolved", {SLOW}),
    ("OR slow OR", {SLOW}),
    ("disk AND slow", {SLOW}),
    ("DISK-drive", {DRIVE}),
    ("or", set[str]()),
    ("(slow OR full) disk", {SLOW, FULL}),
    ("disk (slow OR full)", {SLOW, FULL}),
    ("disk -(slow OR full)", {DRIVE}),
    ("NOT (rule:r OR müde)", {NAIVE}),
    ("NOT (disk slow)", {FULL, DRIVE, UEBUNG, NAIVE}),
    ("(slow OR full) (drive OR data)", {FULL}),
    ("((slow) OR (rule:cpu-high -(naïve)))", {SLOW, UEBUNG}),
    ('("disk slow" OR "is full")', {SLOW, FULL}),
    ("(status:resolved slow) OR (status:open full)", {FULL}),
    ("() slow", {SLOW}),
    ("-() slow", {SLOW}),
    ("-(-slow)", {SLOW}),
    ("disk NOT (NOT slow)", {SLOW}),
]


def test_words_are_left_out_and_alternatives_are_found(some: Store) -> None:
    for typed, expected in OPERATORS:
        assert finds(some, typed) == expected, typed
        # The count, and the live order, which needs no full-text index, agree.
        assert some.alerts.count(read_search(typed)) == len(expected), typed
        live = some.alerts.page(read_search(typed), order="live").items
        assert {alert.title for alert in live} == expected, typed


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("a b c d e f g h i j k l m", "at most 12 terms"),
        ("a OR b OR c OR d OR e OR f OR (g h i) -j rule:k l m", "at most 12 terms"),
        ("x" * 301, "at most 300 characters, and this one has 301"),
        ("(disk OR slow", "is not closed"),
        ("disk (", "is not closed"),
        ("disk) slow", "was not opened"),
        ("((disk) slow))", "was not opened"),
    ],
)
def test_a_search_that_would_be_read_in_part_is_refused(typed: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read_search(typed)


@pytest.mark.parametrize("typed", ["f(x)", "(f(x))", '")"', "rule:f(x)", "a OR b AND NOT c d e f"])
def test_a_parenthesis_of_a_word_and_operators_are_no_terms(typed: str) -> None:
    found = read_search(typed)
    assert "f(x)" in [*found.words, found.rule] or found.words == (")",) or found.any_of


def test_twelve_terms_are_all_read() -> None:
    assert len(read_search("(a b c d e f g) h i j k l").words) == 12
    assert len(read_search("(a OR b OR c) (d OR e OR f) (g OR h OR i) (j OR k OR l)").any_of) == 81


def test_a_search_within_a_filter_selects_what_both_select(some: Store) -> None:
    def within(typed: str, **chosen: object) -> set[str]:
        wanted = searched(AlertFilter(**chosen), typed)  # type: ignore[arg-type]
        return {alert.title for alert in some.alerts.page(wanted).items}

    assert within("slow OR full", rule="r") == {SLOW, FULL}
    assert within("rule:r", rule="cpu-high") == set()
    assert within("-müde", severity=("critical",)) == {NAIVE}


TYPED: list[tuple[str, set[str]]] = [
    ("disk", {"Disk /data on web-01 is full", "disk slow", "The DISK-drive is fine"}),
    ("DISK full", {"Disk /data on web-01 is full"}),
    ("full disk", {"Disk /data on web-01 is full"}),
    ('"disk slow"', {"disk slow"}),
    ("web-01", {"Disk /data on web-01 is full"}),
    ("/data", {"Disk /data on web-01 is full"}),
    ("sl", {"disk slow"}),
    ("low", set[str]()),
    ("übung", {"Übung macht müde"}),
    ("100%", {"naïve 100% 'quoted' \"x\""}),
    ("quoted", {"naïve 100% 'quoted' \"x\""}),
    ("cpu-high", {"Übung macht müde", "naïve 100% 'quoted' \"x\""}),
    ("rule:r disk slow", {"disk slow"}),
    ("rule:cpu-high disk", set[str]()),
    ("category:market naïve", {"naïve 100% 'quoted' \"x\""}),
    ("team:ops", {"Übung macht müde", "naïve 100% 'quoted' \"x\""}),
    ("severity:critical macht", {"Übung macht müde"}),
    ("severity:low macht", set[str]()),
    ('title:"disk slow"', {"disk slow"}),
    ("status:resolved disk", set[str]()),
    ("status:open slow", {"disk slow"}),
    ("disk OR slow", {FULL, SLOW, DRIVE}),
    ('NEAR(disk) "', set[str]()),
    ("disk* :x 'a' & | ! <-> \"(\"", set[str]()),
]


def test_what_is_typed_finds_what_a_person_would(some: Store):
    for typed, expected in TYPED:
        assert finds(some, typed) == expected, typed


def test_a_search_of_punctuation_alone_is_literal(some: Store):
    assert finds(some, "%") == {"naïve 100% 'quoted' \"x\""}


def test_pages_of_a_search_hold_each_alert_once(store: Store, clock: FakeClock):
    raises(store, clock, *[f"disk {number}" for number in range(23)])
    cursor: str | None = None
    seen: list[str] = []
    while True:
        page = store.alerts.page(read_search("disk"), limit=5, after=cursor)
        seen += [alert.title for alert in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == [f"disk {number}" for number in reversed(range(23))]


def test_a_cursor_of_something_else_is_refused(some: Store):
    with pytest.raises(ConfigurationError, match="cursor"):
        some.alerts.page(read_search("disk"), after="'; DROP TABLE alert")


def test_words_that_changed_are_found_and_those_before_are_not(store: Store, clock: FakeClock):
    def seen(word: str) -> Reading:
        return Reading(labels={}, value=41, details={"word": word})

    rule = Rule.model_validate(
        {"name": "r", "when": {"above": 1}, "annotations": {"summary": "level {word}"}}
    )
    for word in ("amber", "red"):
        clock.forward(seconds=60)
        store.apply(
            Evaluation(
                rule=rule, trigger="t", slot=clock.now(), at=clock.now(),
                observation=Observation(readings=[seen(word)], state={}),
            )
        )  # fmt: skip
    assert len(finds(store, "level red")) == 1
    assert finds(store, "level amber") == set()


def test_a_change_of_state_keeps_an_alert_findable(some: Store):
    (alert,) = some.alerts.page(read_search("slow")).items
    some.act([alert.id], Acknowledge(actor="lena"))
    assert finds(some, "status:acknowledged slow") == {"disk slow"}
    some.act([alert.id], Resolve(actor="lena"))
    assert finds(some, "status:resolved slow") == {"disk slow"}


def test_what_retention_took_is_not_found(some: Store, clock: FakeClock):
    some.act([a.id for a in some.alerts.page(read_search("disk")).items], Resolve(actor="lena"))
    clock.forward(days=100)
    some.retain(timedelta(days=90))
    assert finds(some, "disk") == set()
    if some.dialect == "sqlite":
        with some.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM alert_search")).scalar() == 2


def test_a_description_of_any_length_is_kept(store: Store, clock: FakeClock):
    raises(store, clock, "long", description="word " * 400_000 + "end")
    assert finds(store, "long word") == {"long"}


_ALL_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_MARKS = "&+-./:<@_~"


def test_the_ten_marks_that_are_replaced_make_the_same_words_as_all_of_them(store: Store) -> None:
    """What migration 0006 relies on, over texts made of everything the parser is fond of."""
    if store.engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL's parser knows hosts, files, tags and signed numbers")
    chance = random.Random(6)
    letters = ["ab1e0Aé中 " + _ALL_MARKS, _ALL_MARKS + "ab1 e."]
    texts = [
        "".join(chance.choice(chance.choice(letters)) for _ in range(chance.randint(1, 14)))
        for _ in range(20_000)
    ]

    query = text(
        "SELECT t FROM unnest(CAST(:texts AS text[])) AS t WHERE"
        " to_tsvector('simple', translate(t, :few, repeat(' ', length(:few)))) <>"
        " to_tsvector('simple', translate(t, :all, repeat(' ', length(:all))))"
    )
    given = {"texts": texts, "few": _MARKS, "all": _ALL_MARKS}
    with store.engine.connect() as connection:
        assert connection.execute(query, given).all() == []
