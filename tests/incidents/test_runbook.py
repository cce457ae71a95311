"""Runbooks: which lines of Markdown are steps, and what they run."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.incidents.runbook import MOST_STEPS, steps_of

RUNBOOK = """# Checkout is slow

Read this first.

1. Look at the [board](https://grafana.example.org/d/checkout).
2. [Restart **all** workers](<prefect:Restart Workers/prod?service={service}&count=2&dry=false>)

   Takes a minute.
   - no step

- [ ] Tell support
- [x] Post an update
- a remark

## Afterwards

3. Close it
"""


def test_numbered_items_and_tasks_are_steps():
    steps = steps_of(RUNBOOK)
    assert [(one.number, one.title) for one in steps] == [
        (1, "Look at the board."), (2, "Restart all workers"), (3, "Tell support"),
        (4, "Post an update"), (5, "Close it"),
    ]  # fmt: skip
    assert [one.deployment for one in steps] == ["", "Restart Workers/prod", "", "", ""]
    assert steps[1].parameters == {"service": "{service}", "count": 2, "dry": False}
    assert steps[1].text == "Takes a minute.\n- no step"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1. [x](prefect:restart)", "step 1 of the runbook names no deployment: 'restart'"),
        ("1. [x](prefect:a/b) [y](prefect:c/d)", "step 1 of the runbook names two deployments"),
        ("1. x\n" * (MOST_STEPS + 1), f"at most {MOST_STEPS} steps"),
        ("1. [x](prefect:a/b?c=%00)", "step 1 of the runbook has a NUL character"),
        ('1. [x](prefect:a/b?c=["%5Cu0000"])', "step 1 of the runbook has a NUL character"),
        ("1. x\0", "the runbook has a NUL character"),
        ("1. [x](prefect:a%00/b)", "step 1 of the runbook has a NUL character"),
        (f"1. [x](prefect:a/b?{'c=1&' * 101})", "step 1 of the runbook has over 100 parameters"),
    ],
)
def test_a_step_that_cannot_be_carried_out_is_refused(text: str, said: str):
    with pytest.raises(ConfigurationError, match=said):
        steps_of(text)


@pytest.mark.parametrize(
    "text", ["NaN", "-Infinity", "[1e999]", '{"a":NaN}', '"\\ud800"', "[" * 90_000, "1" * 5000]
)
def test_a_parameter_that_is_no_json_for_a_database_stays_text(text: str):
    (step,) = steps_of(f"1. [x](prefect:a/b?c={quote(text)})")
    assert step.parameters == {"c": text}


def test_an_item_without_a_line_is_no_step():
    assert steps_of("1.\n\n# Heading\n\n- no step\n") == []


@given(st.text())
def test_any_other_text_is_a_runbook(text: str):
    try:
        steps = steps_of(text)
    except ConfigurationError:
        return
    assert [one.number for one in steps] == list(range(1, len(steps) + 1))
