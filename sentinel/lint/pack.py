"""Check the rules of a pack, as a deployment of each would be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from sentinel.checks.rule_pack import packed_rules
from sentinel.errors import SentinelError
from sentinel.lint.placeholders import unknown_names, yielded_by
from sentinel.rules.pack import RULE_PACK
from sentinel.rules.rule import Rule

__all__ = ["about_pack", "rules_in_pack"]


def about_pack(base: Rule, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the rules of a pack.

    Args:
        base: the deployment's rule
        given: its other parameters

    Yields:
        A sentence for each, which names the rule.
    """
    try:
        trigger, rules = packed_rules(base, given)
    except SentinelError as error:
        yield f"members: {error}"
        return
    if given.get("only"):
        yield "only: leave it out; it is for runs that somebody starts, and these are all rules"
    yielded = yielded_by(trigger)
    # What the pack says for all is wrong once, not 500 times.
    refused: dict[str, list[str]] = {}
    for one in rules:
        if one.refused is not None:
            reason = str(one.refused).removeprefix(f"rule {one.rule.name!r}: ")
            refused.setdefault(reason, []).append(one.rule.name)
    for reason, (first, *others) in refused.items():
        as_well = f" ({len(others)} more of its rules likewise)" if others else ""
        yield f"members: rule {first!r}{as_well}: {reason}"
    said: set[str] = set()
    for one in rules:
        judged = one.rule.when or trigger.when or trigger.closed_world or trigger.judges
        if not judged:
            yield (
                f"members: rule {one.rule.name!r} has no `when`, and {trigger.name} leaves it to "
                "the rule which values are bad; write for example when: {above: 90}"
            )
        for what in unknown_names(one.rule, yielded):
            if what not in said:
                said.add(what)
                yield f"members: rule {one.rule.name!r}: {what}"


def rules_in_pack(deployment: Mapping[str, Any]) -> list[Rule]:
    """Return the rules of the pack that a deployment is; none where it is no pack, or unusable."""
    given: Any = deployment.get("parameters")
    if deployment.get("entrypoint") != f"flows.rules.{RULE_PACK}" or not isinstance(given, Mapping):
        return []
    parameters = cast("Mapping[str, Any]", given)
    try:
        base = Rule.model_validate(parameters.get("rule"))
        return [one.rule for one in packed_rules(base, parameters)[1]]
    except (SentinelError, ValueError):
        return []  # the check of the rule itself says what is wrong
