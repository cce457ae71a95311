"""Many rules of one trigger in one deployment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sentinel import Context, Reading, trigger
from sentinel.duration import Duration
from sentinel.errors import RuleError


@trigger(keeps_readings=False, backtest=False, closed_world=True)
def rule_pack(
    ctx: Context,
    trigger: str,
    shared: dict[str, Any] = {},  # noqa: B006 - a form's default; nothing here changes it
    members: list[dict[str, Any]] = [],  # noqa: B006 - as above
    columns: list[str] = [],  # noqa: B006 - as above
    rows: list[list[Any]] = [],  # noqa: B006 - as above
    each: Duration = timedelta(seconds=5),
    only: list[str] = [],  # noqa: B006 - as above
) -> Iterator[Reading]:  # the type of a trigger
    """Up to 500 rules of one trigger and period; each has its own switch, state and alerts.

    What `rule` says holds for all of them, unless an entry has its own. A rule that is taken out is
    retired with its alerts. Entries are objects in `members`, or rows of a table.

    Args:
        ctx: the context of a flow run; the flow of a deployment evaluates each rule by itself
        trigger: the check of all rules, for example metric_threshold
        shared: parameters of the check that all rules have
        members: the rules; each has a name, and may have parameters and fields of its rule
        columns: of a table of rules; name, a parameter of the check, or rule.severity and so on
        rows: of that table; null leaves a column to what all rules share
        each: a check that takes longer counts as failed, and the others are run
        only: names of the rules that this run evaluates; empty means all

    Raises:
        RuleError: it is called outside of its flow, which evaluates the rules
    """
    raise RuleError(
        "a rule pack is evaluated by its flow, rule by rule",
        hint="Deploy it, or start a custom run; see docs/how-to/rule-packs.md.",
    )
