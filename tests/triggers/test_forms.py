"""Every shipped trigger is a form that explains itself: there is help for each field."""

from __future__ import annotations

import pytest

from flows.rules import flow_of
from sentinel.checks.catalog import load
from sentinel.checks.trigger import Trigger

SHIPPED = load()


def test_everything_in_the_folder_is_found():
    assert SHIPPED.broken == []
    assert {
        "backup_fresh",
        "cpu_usage",
        "database_up",
        "disk_space",
        "memory_leak",
        "memory_usage",
        "prefect_deployment",
        "prefect_runs",
        "price_surge",
        "service_up",
        "volume_spike",
    } <= set(SHIPPED.triggers)


@pytest.mark.parametrize("trigger", SHIPPED.triggers.values(), ids=SHIPPED.triggers)
def test_the_form_explains_every_field(trigger: Trigger[..., object]):
    schema = flow_of(trigger).parameters.model_dump()
    fields = schema["properties"]
    assert set(fields) == {p.name for p in trigger.parameters} | {"rule"}
    for name, field in fields.items():
        assert field.get("description"), f"{trigger.name}: no help for {name}"


@pytest.mark.parametrize("trigger", SHIPPED.triggers.values(), ids=SHIPPED.triggers)
def test_it_says_in_one_line_what_it_watches(trigger: Trigger[..., object]):
    first = (trigger.__doc__ or "").splitlines()[0]
    assert first.endswith((".", ":"))
    assert len(first) <= 100
