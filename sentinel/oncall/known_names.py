"""Whom a rule's escalation names that there is not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sentinel.rules.escalation_rules import EscalationRules

__all__ = ["unknown_in_escalation"]

_MOST = 20


def unknown_in_escalation(
    rules: EscalationRules | None, receivers: Collection[str] | None,
    schedules: Collection[str] | None,
) -> Iterator[str]:  # fmt: skip
    """Yield what a rule's escalation names and there is not.

    Args:
        rules: the `escalation_rules` of the rule; None where it has none
        receivers: names of those that there are, beside `default`; None where nobody knows
        schedules: names of those in the active on-call document; None where nobody knows

    Yields:
        A sentence for each, with the names that there are.
    """
    if rules is None:
        return
    for name in rules.channels if receivers is not None else ():
        known = {"default", *(receivers or ())}
        if name not in known:
            yield (
                f"escalation_rules.channels: there is no receiver {name!r}; there "
                f"{_listed(known)}; make it with `sentinel receiver set {name} --channel …`"
            )
    name = rules.on_call_schedule
    if name is not None and schedules is not None and name not in schedules:
        yield (
            f"escalation_rules.on_call_schedule: the on-call document has no schedule {name!r}; "
            f"there {_listed(schedules)}; add it with `sentinel oncall apply`"
        )


def _listed(names: Collection[str]) -> str:
    if not names:
        return "is none"
    some = sorted(names)
    more = f" and {len(some) - _MOST:,} more" if len(some) > _MOST else ""
    return f"{'is' if len(some) == 1 else 'are'} {', '.join(some[:_MOST])}{more}"
