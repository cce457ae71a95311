"""Check the rule of one deployment, and its trigger's parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

from pydantic import BaseModel, ValidationError, create_model

from sentinel.checks.catalog import find
from sentinel.checks.context import Context
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER
from sentinel.checks.runner import observe
from sentinel.checks.trigger import Trigger
from sentinel.duration import format_duration
from sentinel.errors import PolicyError, SentinelError, TriggerError
from sentinel.lint.pack import about_pack
from sentinel.lint.placeholders import double_braces, unknown_names, yielded_by
from sentinel.rules.pack import RULE_PACK
from sentinel.rules.rule import Rule
from sentinel.validation_messages import validation_message

__all__ = ["about_rule", "doubts", "rule_in"]


def rule_in(deployment: Mapping[str, Any]) -> Rule | ValidationError | None:
    """Return the rule that a deployment has, why it is refused, or None where there is none."""
    parameters: Any = deployment.get("parameters")
    if not isinstance(parameters, Mapping) or "rule" not in parameters:
        return None
    try:
        return Rule.model_validate(cast("Mapping[str, Any]", parameters)["rule"])
    except ValidationError as error:
        return error


def about_rule(
    deployment: Mapping[str, Any],
    rule: Rule | ValidationError | None,
    name: str,
    trigger_name: str,
) -> Iterator[str]:
    """Yield what is wrong with a rule, with its trigger's parameters, and with both together."""
    if rule is None:
        yield "it has no parameter `rule`"
        return
    given: dict[str, Any] = {**deployment["parameters"]}
    yield from double_braces(given)
    del given["rule"]
    if isinstance(rule, ValidationError):
        yield from _messages(rule, "rule", Rule)
    trigger: Trigger[..., Any] | None = None
    try:
        trigger = find(trigger_name)
    except TriggerError as error:
        yield str(error)
    if trigger is not None:
        refused = list(_refused_parameters(trigger, given))
        yield from refused
        if not refused and isinstance(rule, Rule):
            yield from _policies(rule, trigger, given)
            if trigger.name == RULE_PACK:
                yield from about_pack(rule, given)
    if isinstance(rule, ValidationError):
        return
    if trigger is not None and trigger.name != RULE_PACK:  # each of its rules is checked
        for what in unknown_names(rule, yielded_by(trigger)):
            yield f"rule.{what}"
    if rule.name != name:
        yield f"its rule is named {rule.name!r}; give both the same name"


def doubts(rule: Rule, trigger_name: str) -> Iterator[str]:
    """Yield warnings: times without effect, and readings that nothing seems to judge.

    Args:
        rule: that was read
        trigger_name: of its deployment

    Yields:
        What is wrong and what to write, as sentences.
    """
    yield from _times(rule)
    try:
        trigger = find(trigger_name)
    except TriggerError:
        return
    judged = rule.when or trigger.when or trigger.closed_world or trigger.judges
    if not judged and not _of_events(trigger):
        yield (
            f"rule.when is missing, and {trigger.name} leaves it to the rule which values are bad; "
            "write for example when: {above: 90}"
        )


def _times(rule: Rule) -> Iterator[str]:
    """Yield the times that are shorter than the period, and so are not what they say."""
    every = rule.every
    if every is None:
        return
    period = format_duration(every)
    for name, given in (("for", rule.for_), ("keep_firing_for", rule.keep_firing_for)):
        if timedelta(0) < given < every:
            yield (
                f"rule.{name} is {format_duration(given)}, shorter than rule.every, and nothing is "
                f"evaluated before {period} have passed; write {name}: {period}, or leave it out"
            )
    if rule.resolve_after is not None and rule.resolve_after < every:
        yield (
            f"rule.resolve_after is {format_duration(rule.resolve_after)}, less than rule.every, "
            "so that an alert that keeps firing resolves and reopens at each evaluation; write "
            f"resolve_after: {period} or more"
        )


def _refused_parameters(trigger: Trigger[..., Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the trigger's own parameters do not take."""
    known = {parameter.name for parameter in trigger.parameters}
    takes = f"it has {', '.join(sorted(known))}" if known else "it takes none"
    for name in given:
        if name not in known:
            yield f"{trigger.name} has no parameter {name!r}; {takes}"
    fields: dict[str, Any] = {
        one.name: (one.annotation, ... if one.default is one.empty else one.default)
        for one in trigger.parameters
    }
    form = create_model("Form", **fields)
    try:
        made = form.model_validate({name: value for name, value in given.items() if name in known})
    except ValidationError as error:
        yield from _messages(error, "", form)
        return
    if trigger.backtest and not trigger.keeps_readings:
        # It only reads stored metrics: given none, it raises for parameters that it cannot use.
        from sentinel.metrics.series import NoSamples

        read = {name: getattr(made, name) for name in fields}
        observation = observe(trigger, Context(metrics=NoSamples()), read, timeout=None)
        if isinstance(observation.error, SentinelError):
            yield str(observation.error)


def providers_in(deployment: Mapping[str, Any]) -> list[str]:
    """Return the receivers that the event policies of a deployment name as `providers`."""
    given = _mapping(deployment.get("parameters"))
    several: Any = given.get("policies")
    policies = cast("list[Any]", several) if isinstance(several, list) else []
    found: dict[str, None] = {}
    for policy in [given.get("policy"), *policies]:
        names: Any = _mapping(policy).get("providers")
        if isinstance(names, list):
            found |= dict.fromkeys(str(name) for name in cast("list[Any]", names))
    return list(found)


def _mapping(given: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}


def _of_events(trigger: Trigger[..., Any]) -> bool:
    return trigger.name in (POLICY_TRIGGER, PACK_TRIGGER)


def _policies(rule: Rule, trigger: Trigger[..., Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with policies together, and with the rule they share."""
    if not _of_events(trigger):
        return
    alone = trigger.name == POLICY_TRIGGER
    policies: list[dict[str, Any]] = [given["policy"]] if alone else given.get("policies") or []
    if not alone and bool(policies) is bool(given.get("file")):
        yield "policies: an event pack takes policies or a file, one of them"
    elif policies:
        from sentinel.event_policies.pack import Spec, pack_of

        try:
            pack_of(Spec(rule=rule.dump(), policies=policies, alone=alone))
        except PolicyError as error:
            yield f"{'policy' if alone else 'policies'}: {error}"


def _messages(error: ValidationError, within: str, model: type[BaseModel]) -> Iterator[str]:
    for one in error.errors():
        place = ".".join([*([within] if within else []), *map(str, one["loc"])])
        message = validation_message(one, model)
        quiet = one["type"] in ("missing", "extra_forbidden") or isinstance(one["input"], dict)
        got = "" if quiet else f", got {one['input']!r:.80}"
        yield f"{place}: {message}{got}"
