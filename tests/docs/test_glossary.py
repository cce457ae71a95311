"""The glossary has every term that the interface uses, and the interface uses the field's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

import pytest

from tests.docs import interface
from tests.docs.pages import DOCS, ROOT, without_code

pytestmark = pytest.mark.xdist_group("glossary")
GLOSSARY = DOCS / "reference/glossary.md"

PLAIN = {
    "#", "a", "act", "acts", "after", "all", "already", "an", "and", "another", "as", "at",
    "before", "by", "cancel", "close", "create", "days", "default", "discard", "do", "done",
    "down", "due", "earlier", "end", "ended", "example", "fell", "figures", "file", "first",
    "five", "for", "found", "four", "go", "help", "hour", "in", "its", "kept", "kind",
    "largest", "last", "later", "least", "manually", "mark", "me", "mean", "minutes", "module",
    "more", "name", "navigate", "never", "new", "newer", "next", "not", "now", "of", "older",
    "on", "one", "only", "or", "order", "out", "partly", "past", "per", "post", "print", "quietly",
    "read", "remove", "renamed", "restarted", "rise", "rose", "same", "save", "search", "select",
    "send", "set", "show", "since", "soon", "sound", "started", "still", "table", "take",
    "test", "that", "the", "these", "time", "to", "today", "too", "type", "unchanged", "use",
    "usual", "weeks", "what", "when", "where", "whom", "with", "without", "world", "worst", "would",
    "write", "yes", "you",
}  # fmt: skip
"""Words of plain English in labels. A term of the field belongs in the glossary instead."""

FIELD_TERMS = [
    "alert", "annotation", "backtest", "block", "blotter", "channel", "delivery", "deployment",
    "drift", "evaluation", "event", "finding", "fingerprint", "flow run", "group", "inbox",
    "inhibition", "label", "lease", "metric", "MTTA", "MTTR", "muted", "notification", "outbox",
    "pack", "reading", "receiver", "rehearsal", "relay", "rollup", "rule", "sample", "series",
    "silence", "sweep", "trigger", "wake", "window", "work pool", "event policy",
    "escalation policy", "notification policy", "active hours", "Automation",
]  # fmt: skip
"""Terms that pages of the documentation use, also where no label shows them."""

REPLACED = re.compile(
    r"\b(?:tell|tells|telling|told|tally|tallies|desk|brood|crew|nursery|shelf|knobs?)\b"
    r"|\b(?:a|the|each|every|last|first|next|second|later|one|completed|its|per) looks?\b"
    r"|\b(?:is|are|fire and|all) fine\b|^fine\b",
    re.IGNORECASE,
)
"""Words for which the field has its own: notify, rollup, command, evaluation, OK."""


class Entry:
    """A heading of the glossary, its other forms, and its text."""

    def __init__(self, part: str) -> None:
        self.term, _, rest = part.partition("\n")
        also = re.search(r"^\*Also: (.+)\.\*$", rest, re.MULTILINE)
        self.forms = [one.strip() for one in also.group(1).split(",")] if also else []
        self.text = re.sub(r"^\*Also: .+\*$", "", rest, flags=re.MULTILINE).strip()


@cache
def entries() -> Sequence[Entry]:
    return [
        Entry(part)
        for part in re.split(r"^## ", GLOSSARY.read_text("utf-8"), flags=re.MULTILINE)[1:]
    ]


@cache
def known() -> set[str]:
    return {name.lower() for one in entries() for name in (one.term, *one.forms)}


def singular(phrase: str) -> Iterator[str]:
    """The phrase, and what it may be the plural of."""
    yield phrase
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if phrase.endswith(ending):
            yield phrase.removesuffix(ending) + instead


def unknown_words(label: str) -> list[str]:
    """The words of a label that are neither plain nor in a term of the glossary."""
    words = re.findall(r"[\w×#'-]+", label.lower())
    found: list[str] = []
    start = 0
    while start < len(words):
        ends = range(len(words), start, -1)
        phrase = next(
            (end for end in ends if known() & {*singular(" ".join(words[start:end]))}), None
        )
        if phrase is None and words[start] not in PLAIN:
            found.append(words[start])
        start = phrase or start + 1
    return found


@cache
def labels() -> dict[str, str]:
    """Every label, with where it is; read by one process, and not by each that collects."""
    return interface.labels()


def test_every_term_of_a_label_has_an_entry():
    missing = {(label, labels()[label]): unknown_words(label) for label in labels()}
    missing = {label: words for label, words in missing.items() if words}
    assert not missing, f"add to docs/reference/glossary.md, label by label: {missing}"


def test_labels_are_found_on_pages_in_widgets_in_commands_and_among_codes():
    shown = set(labels())
    assert len(shown) > 200
    assert {"Rules", "Last evaluation", "Success rate", "Never acknowledged"} <= shown  # pages
    assert {"Sev", "Occurrences", "Timeline", "End suppression", "Disconnected"} <= shown  # widgets
    assert {"LAST EVALUATION", "assignee"} <= shown  # commands
    assert {"escalated", "emergency", "no data", "group wait", "unsuppressed"} <= shown  # codes
    assert {"collapsed", "stale", "sending", "refused"} <= shown  # outcomes and deliveries


@pytest.mark.parametrize("label", ["Tallies", "Last look", "TOLD", "Escalation chain"])
def test_a_label_with_an_unknown_term_is_noticed(label: str):
    assert unknown_words(label)


def test_plain_words_are_used_and_are_no_terms():
    used = {word for label in labels() for word in re.findall(r"[\w×#'-]+", label.lower())}
    assert used >= PLAIN, f"take out of PLAIN: {PLAIN - used}"
    assert not known() & PLAIN


def test_entries_are_sorted_and_none_is_there_twice():
    terms = [one.term.casefold() for one in entries()]
    assert terms == sorted(terms)
    names = [name.casefold() for one in entries() for name in (one.term, *one.forms)]
    assert {name for name in names if names.count(name) > 1} == set()


def test_an_entry_says_in_a_few_sentences_what_its_term_means():
    for entry in entries():
        assert entry.text.endswith("."), entry.term
        assert len(re.findall(r"[.?!](?:\s|$)", entry.text)) <= 4, entry.term


def test_terms_of_the_field_have_an_entry():
    assert [term for term in FIELD_TERMS if term.lower() not in known()] == []


def test_the_interface_uses_none_of_the_words_that_were_replaced():
    shown = list(interface.texts())
    assert len(shown) > 1000
    assert [one for one in shown if REPLACED.search(one[1])] == []


def test_pages_use_none_of_the_words_that_were_replaced():
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.glob("**/*.md")):
        lines = without_code(page.read_text("utf-8")).splitlines()
        assert [line for line in lines if REPLACED.search(line)] == [], page


@pytest.mark.parametrize("text", ["The last look", "Nobody was told", "It is fine", "kept tallies"])
def test_a_replaced_word_is_noticed(text: str):
    assert REPLACED.search(text)
