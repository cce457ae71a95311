"""The name of an action becomes the action in one place, for every door."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinel.alerts.actions import (
    ACTION_NAMES,
    Acknowledge,
    Action,
    Assign,
    Comment,
    Escalate,
    MarkNoise,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
    UnmarkNoise,
    Unsuppress,
    action_named,
    name_of,
)
from sentinel.errors import ConfigurationError

UNTIL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMED: dict[str, Action] = {
    "acknowledge": Acknowledge(actor="ada", comment="mine"),
    "unacknowledge": Unacknowledge(actor="ada", comment="mine"),
    "resolve": Resolve(actor="ada", comment="mine"),
    "reopen": Reopen(actor="ada", comment="mine"),
    "suppress": Suppress(actor="ada", until=UNTIL, comment="mine"),
    "unsuppress": Unsuppress(actor="ada", comment="mine"),
    "assign": Assign(actor="ada", assignee="bob", comment="mine"),
    "comment": Comment(actor="ada", comment="mine"),
    "escalate": Escalate(actor="ada", comment="mine"),
    "mark_noise": MarkNoise(actor="ada", comment="mine"),
    "unmark_noise": UnmarkNoise(actor="ada", comment="mine"),
}


@pytest.mark.parametrize("name", ACTION_NAMES)
def test_every_name_makes_its_action(name: str):
    made = action_named(name, actor="ada", comment="mine", assignee="bob", until=UNTIL)
    assert made == NAMED[name]
    assert name_of(made) == name


def test_every_action_has_one_name():
    assert set(ACTION_NAMES) == set(NAMED)
    assert {type(action) for action in NAMED.values()} == set(Action.__args__)


@pytest.mark.parametrize("name", ["acknowledged", "Acknowledge", "", "escalated", "undo"])
def test_an_unknown_name_is_an_error_that_lists_the_names(name: str):
    with pytest.raises(ConfigurationError) as caught:
        action_named(name, actor="ada")
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in ACTION_NAMES)


def test_a_suppression_needs_an_end():
    with pytest.raises(ConfigurationError, match="ends"):
        action_named("suppress", actor="ada")
