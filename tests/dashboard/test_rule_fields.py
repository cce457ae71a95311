"""A rule that is opened in the builder and saved as it is, is the same rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from sentinel.rules.rule import Rule

NAMES = st.lists(st.sampled_from(["default", "night", "web"]), max_size=2, unique=True)
ESCALATIONS = st.fixed_dictionaries(
    {},
    optional={
        "delay_minutes": st.sampled_from([0, 0.5, 5, 60]), "max_level": st.integers(1, 4),
        "channels": NAMES, "on_call_schedule": st.sampled_from(["primary", "gone"]),
    },
).filter(lambda one: bool(one.get("channels") or one.get("on_call_schedule")))  # fmt: skip
RULES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": st.just("a")},
    optional={
        "description": st.sampled_from(["", "Full: {x}", " spaces "]),
        "every": st.sampled_from(["30s", 60, "5m"]),
        "severity": st.sampled_from(["critical", "Emergency", "warning", "low", "HIGH"]),
        "for": st.sampled_from(["0s", 0, "5m", 90]),
        "consecutive": st.integers(1, 5),
        "no_data": st.fixed_dictionaries(
            {},
            optional={
                "then": st.sampled_from(["keep", "ok", "alert", "own"]),
                "after": st.integers(1, 9), "severity": st.sampled_from(["low", "high"]),
            },
        ).filter(bool),
        "team": st.sampled_from(["", "web"]),
        "labels": st.dictionaries(
            st.sampled_from(["site", "a-b"]), st.sampled_from(["", " x", "a=b"])
        ),
        "receivers": NAMES,
        "escalation_rules": ESCALATIONS,
        "often": st.just({"times": 2, "of_last": 3}),
        "annotations": st.dictionaries(
            st.just("summary"), st.sampled_from(["yes", "1", "{value}"])
        ),
        "throttle": st.just("5m"), "owner": st.just("no"),
    },
).filter(lambda one: not {"often", "consecutive"} <= one.keys())  # fmt: skip


def inputs() -> None:
    import streamlit as st

    from dashboard.rule_fields import Given, rule_fields
    from dashboard.rule_inputs import Slots
    from dashboard.rule_start import Names, Start
    from sentinel.rollout.rule_draft import Draft

    held = st.session_state["held"]
    names = Names(rules=[], receivers=["default"], schedules=["primary"], teams=[], labels=[])
    slots = Slots()
    start = Start(of="a", number=1, version="v", draft=Draft(trigger="cpu_usage", rule=dict(held)))
    key = f"build-{st.session_state['nth']}"
    st.session_state["found"] = rule_fields(
        start, Given(key=key, names=names, slots=slots, unit="%")
    )
    st.session_state["unreadable"] = slots.unreadable


class Builder:
    """The inputs of a rule, each opened with keys of its own."""

    def __init__(self) -> None:
        self._page = AppTest.from_function(inputs, default_timeout=20)
        self._opened = 0

    def open(self, held: dict[str, Any]) -> dict[str, Any]:
        self._opened += 1
        self._page.session_state["held"] = held
        self._page.session_state["nth"] = self._opened
        self._page.run()
        assert not self._page.exception
        assert self._page.session_state["unreadable"] == {}
        return self._page.session_state["found"]


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder()


@bounded(max_examples=20, deadline=None, derandomize=True)
@given(RULES)
def test_a_rule_that_is_opened_and_saved_is_the_same_rule(builder: Builder, held: dict[str, Any]):
    assert Rule.model_validate(builder.open(held)) == Rule.model_validate(held)


def test_who_is_paged_and_when_stays_as_it_is(builder: Builder):
    escalation = {"delay_minutes": 0, "channels": ["web"], "on_call_schedule": "primary"}
    held = {"name": "a", "receivers": list[str](), "escalation_rules": escalation}
    found = builder.open(held)
    assert found["receivers"] == []
    assert found["escalation_rules"] == {**escalation, "max_level": 1}
    assert "every" not in found
