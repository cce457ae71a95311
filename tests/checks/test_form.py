"""The form of a trigger: its parameters, with the docstring's help."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flows.rules import flow_of
from sentinel import Context, Reading, trigger
from sentinel.checks.catalog import load
from sentinel.checks.form import filled, form_of, help_of, summary_of
from sentinel.checks.trigger import Trigger
from sentinel.errors import ConfigurationError

SHIPPED = load().triggers


@trigger
def queue_depth(ctx: Context, queues: list[str], most: int = 5) -> Iterator[Reading]:
    """How many messages wait in each queue.

    One that is gone is unknown.

    Args:
        ctx: is given the queues that are gone,
            and gives the clock
        queues: their names
        most: read no more
            than this many

    Yields:
        One reading for each queue.

    Raises:
        ReadingError: a queue has no length
    """
    for name in queues:
        yield Reading(labels={"queue": name}, value=float(most))


def test_the_form_has_a_field_for_each_parameter_and_none_for_the_context() -> None:
    fields = form_of(queue_depth).model_fields
    assert {name: field.description for name, field in fields.items()} == {
        "queues": "their names",
        "most": "read no more than this many",
    }
    assert help_of(queue_depth).keys() == {"queues", "most"}


def test_what_it_yields_and_raises_is_no_part_of_its_summary() -> None:
    assert summary_of(queue_depth) == (
        "How many messages wait in each queue.\n\nOne that is gone is unknown."
    )


@pytest.mark.parametrize("shipped", [queue_depth, *SHIPPED.values()], ids=lambda one: one.name)
def test_prefect_shows_the_same_help_and_summary(shipped: Trigger[..., object]) -> None:
    """The Prefect UI has a flow's description and a description for each parameter."""
    flow = flow_of(shipped)
    shown = flow.parameters.model_dump()["properties"]
    rule = shown.pop("rule")
    assert rule["description"]
    helped = {name: " ".join(field["description"].split()) for name, field in shown.items()}
    assert helped == help_of(shipped)
    assert flow.description == summary_of(shipped)
    for section in ("Args:", "Yields:", "Returns:", "Raises:"):
        assert section not in (flow.description or "")


def test_what_looks_like_a_value_and_is_none_is_a_text() -> None:
    for typed in (["2026-02-30"], ["2026-02-30", "!!bool x"]):
        assert filled(queue_depth, {"queues": typed}, {})["queues"] == typed


def test_a_parameter_that_the_trigger_does_not_have_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"queue_depth has no parameter 'ctx'.*queues"):
        filled(queue_depth, {"queues": ["a"], "ctx": ["x"]}, {})
