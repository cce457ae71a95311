"""Carry out one advice against noise: change the rule, silence a window of it, or switch it off.

A rule of a file is changed in its file: what to change is returned as a difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.access import EVERYTHING, Scope
from sentinel.errors import NotFound
from sentinel.noise.advice import Advice
from sentinel.rollout.made_rules import API, UI, MadeRules
from sentinel.rollout.rule_draft import Draft
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.rules.made import given_words

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.reports.rule_noise import RuleNoise

__all__ = ["DAYS", "Applied", "apply_advice", "command_of", "difference_of", "the_advice"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_USUAL_DAYS = 7
"""The period of `sentinel noise` where no other is given."""
_SILENCED_FOR = timedelta(days=90)
"""A recurring silence ends after this, so that somebody decides on it again."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an advice.

    Attributes:
        done: whether it was carried out; false where the rule's file has to be edited
        text: what was done, or is to do
        difference: the lines of the file, `-` before and `+` after; empty where it was done
        silence: id of the silence that was made; empty for none
    """

    done: bool
    text: str
    difference: str = ""
    silence: str = ""


def command_of(found: RuleNoise, advice: Advice) -> str:
    """Return the command that applies an advice to a rule."""
    tenant = "" if found.tenant == "default" else f" --tenant {found.tenant}"
    length = (found.until - found.since) / timedelta(days=1)
    days = "" if length == _USUAL_DAYS else f" --days {length:g}"
    return f"sentinel noise apply {found.rule} {advice.kind}{tenant}{days}"


def the_advice(found: RuleNoise, kind: str) -> Advice:
    """Return the advice of a kind.

    Args:
        found: the noise of the rule as it is now
        kind: of the advice

    Returns:
        The advice.

    Raises:
        NotFound: the alerts of the period do not give it
    """
    for one in found.advice:
        if one.kind == kind:
            return one
    given = ", ".join(one.kind for one in found.advice) or "none"
    raise NotFound(
        f"the last alerts of {found.rule} give no advice {kind!r}", hint=f"They give: {given}."
    )


def difference_of(found: RuleNoise, advice: Advice, before: Mapping[str, Any]) -> str:
    """Return what to change in the file of a rule.

    Args:
        found: the noise of the rule
        advice: whose fields are to be set
        before: the rule's fields as they are

    Returns:
        The lines of `parameters.rule` in its deployment, `-` before and `+` after.
    """
    lines = [f"# deployment {found.rule}", " parameters:", "   rule:", f"     name: {found.rule}"]
    for name, value in advice.fields.items():
        if name in before:
            lines.append(f"-    {name}: {before[name]}")
        lines.append(f"+    {name}: {value}")
    return "\n".join(lines)


def _matchers(found: RuleNoise) -> str:
    """Return what a silence of the rule matches: with the team to which people may be confined."""
    team = f", team={json.dumps(found.team, ensure_ascii=False)}" if found.team else ""
    return f'rule="{found.rule}"{team}'


def apply_advice(
    store: Store, rules: Callable[[], AbstractContextManager[MadeRules]], found: RuleNoise,
    advice: Advice, *, actor: str, scope: Scope = EVERYTHING,
) -> Applied:  # fmt: skip
    """Carry out an advice.

    Args:
        store: the shared database
        rules: connects to Prefect; not called where no field of the rule changes
        found: the noise of the rule
        advice: one of `found`
        actor: who applies it
        scope: of whoever applies it

    Returns:
        What was done, or what to edit.

    Raises:
        ChangeWaits: a second person has to approve it first
        NotFound: there is no such rule any more
        RuleError: the rule, or Prefect, refuses it; nothing was changed
        PrefectUnreachable: Prefect does not answer; nothing was changed, or the same again
            completes it
        OutOfScope: the silence may match alerts out of scope
    """
    name, tenant = found.rule, found.tenant
    if advice.kind == "delete":
        store.rules.disable(name, actor=actor, reason=advice.text, tenant=tenant, scope=scope)
        return Applied(done=True, text=f"Disabled {name}.")
    if advice.window is not None:
        window = advice.window
        made, _ = MatcherSilences(store).create(
            [_matchers(found)], store.now() + _SILENCED_FOR, actor=actor, comment=advice.text,
            recurrence={
                "weekly": {
                    "timezone": window.zone.key,
                    "windows": [
                        {"days": list(DAYS), "start": f"{window.start:%H:%M}",
                         "end": f"{window.end:%H:%M}"}
                    ],
                }
            },
            tenant=tenant, scope=scope,
        )  # fmt: skip
        said = f"Silenced {name} every day from {window.start:%H:%M} to {window.end:%H:%M} for "
        return Applied(done=True, text=f"{said}90 days: silence {made.id}.", silence=made.id)
    if found.owner not in (API, UI):
        before = store.rules.get(name, tenant).spec
        return Applied(
            done=False, text=f"{name} belongs to a file: change it there, then deploy it.",
            difference=difference_of(found, advice, before),
        )  # fmt: skip

    def edit(draft: Draft) -> tuple[Draft, Mapping[str, Any]]:
        changed = {**draft.rule, **advice.fields}
        words = given_words(store, tenant, name)
        if "for" in advice.fields:
            words.pop("evaluation_window_minutes", None)  # other words for the same
        given = {**words, **advice.fields} if words else {}
        return msgspec.structs.replace(draft, rule=changed), given

    with rules() as made_rules:
        made_rules.owned_by(found.owner).change(name, tenant, edit, actor=actor)
    fields = ", ".join(f"{field}: {value}" for field, value in advice.fields.items())
    return Applied(done=True, text=f"Changed {name}: {fields}.")
