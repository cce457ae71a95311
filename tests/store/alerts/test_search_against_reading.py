"""Searches of random words, rules and severities find what reading every alert would."""

from __future__ import annotations

import random

from sentinel import Reading, Rule
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.alerts.search_syntax import read_search

WORDS = ("disk", "disks", "slow", "stale", "host-1", "host-12", "full")
RULES = {"cpu-high": "high", "cpu": "critical", "disk-full": "critical"}


def test_pages_and_counts_are_those_of_a_reader(store: Store, clock: FakeClock):
    chance = random.Random(12)
    for rule, severity in RULES.items():
        titles = [" ".join(chance.choices(WORDS, k=3)) for _ in range(25)]
        store.apply(
            Evaluation(
                rule=Rule.model_validate(
                    {"name": rule, "when": {"above": 1}, "severity": severity,
                     "annotations": {"summary": "{labels.title}"}}
                ),
                trigger="t", slot=clock.now(), at=clock.now(),
                observation=Observation(
                    readings=[
                        Reading(labels={"title": title, "n": f"{n}"}, value=2)
                        for n, title in enumerate(titles)
                    ],
                    state={},
                ),
            )
        )  # fmt: skip
        clock.forward(seconds=60)
    every = store.alerts.page(limit=500).items
    assert len(every) == 75
    found = 0
    for _ in range(50):
        typed = chance.sample(
            [word[: chance.randint(2, 7)] for word in WORDS], chance.randint(1, 2)
        )
        rule = chance.choice([None, *RULES])
        severity = chance.choice([None, "high", "critical"])
        asked = read_search(
            " ".join(
                [*typed, *([f"rule:{rule}"] if rule else []),
                 *([f"severity:{severity}"] if severity else [])]
            )
        )  # fmt: skip
        expected = sorted(
            (
                one.id
                for one in every
                if rule in (None, one.rule)
                and severity in (None, one.severity)
                and all(_has(f"{one.rule} {one.title}", word) for word in typed)
            ),
            reverse=True,
        )
        seen: list[str] = []
        after: str | None = None
        while True:
            page = store.alerts.page(asked, limit=12, after=after)
            seen += [one.id for one in page.items]
            after = page.next
            if after is None:
                break
        assert seen == expected, asked
        assert store.alerts.count(asked) == len(expected), asked
        found += len(expected)
    assert found > 300


def _has(text: str, word: str) -> bool:
    """Whether the parts of a word stand together in a text, the last perhaps as a beginning."""
    parts, wanted = text.replace("-", " ").split(), word.replace("-", " ").split()
    return any(
        parts[place : place + len(wanted) - 1] == wanted[:-1]
        and parts[place + len(wanted) - 1].startswith(wanted[-1])
        for place in range(len(parts) - len(wanted) + 1)
    )
