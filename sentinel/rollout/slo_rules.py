"""SLOs with their rules: each is a deployment of `slo_burn_rate`, made and removed with it.

The rule comes first: where Prefect refuses it or does not answer, nothing of the SLO is stored, and
the same request completes what began. Fields of the rule that people changed since, such as its
escalation, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.rollout.rule_draft import Draft
from sentinel.store.slo.slos import Slos

if TYPE_CHECKING:
    from sentinel.rollout.made_rules import MadeRules
    from sentinel.rollout.plan import Live
    from sentinel.slo.definition import SloDefinition
    from sentinel.store import Store
    from sentinel.store.slo.slos import StoredSlo

__all__ = ["TRIGGER", "draft_of_slo", "remove_slo", "save_slo"]

TRIGGER = "slo_burn_rate"
_PERIOD = "1m"


def _fields(definition: SloDefinition, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": name,
        "description": definition.description.replace("{{", "{ {")
        or f"Burn rate of the SLO {definition.name}.",
        "tenant": definition.tenant,
        "severity": definition.alerting.page_severity,
        "category": "slo",
    }
    return fields | ({"team": definition.team} if definition.team else {})


def digest(definition: SloDefinition) -> str:
    """Return what differs where anything of a definition does.

    It is a parameter of the rule, so that a change of an SLO is one of its rule, which a second
    person may have to approve.

    Args:
        definition: of the SLO

    Returns:
        16 hexadecimal digits.
    """
    return sha256(definition.model_dump_json(exclude_defaults=True).encode()).hexdigest()[:16]


def draft_of_slo(definition: SloDefinition, name: str) -> Draft:
    """Return the draft of an SLO's rule, which has this name."""
    return Draft(
        trigger=TRIGGER,
        parameters={"slo": definition.name, "definition": digest(definition)},
        rule={**_fields(definition, name), "every": _PERIOD},
    )


def save_slo(
    store: Store,
    slos: Slos,
    rules: MadeRules,
    definition: SloDefinition,
    *,
    actor: str,
    check: Callable[[StoredSlo | None], None] = lambda _: None,
) -> StoredSlo:
    """Save an SLO and its rule, replacing the SLO of that name in its tenant.

    Args:
        store: the shared database
        slos: of whoever saves it
        rules: of the owner `api`, connected to Prefect
        definition: of the SLO
        actor: who saves it
        check: is given the SLO that there is, and may refuse

    Returns:
        The SLO as it is now.

    Raises:
        ChangeWaits: a second person has to approve the change of its rule first; saved again
            afterwards, it is stored
        Conflict: a team out of scope has an SLO, or another owner a rule, of that name; or it is
            the name of a rule with another check
        ConfigurationError: it, or its rule, cannot be made; neither was stored
        PrefectUnreachable: Prefect does not answer; the same again completes it
    """
    everybodys = Slos(store)
    try:
        before = everybodys.get(definition.name, tenant=definition.tenant)
    except NotFound:
        before = None
    if before is not None:
        slos.get_or_conflict(definition)
    check(before)
    draft = draft_of_slo(definition, everybodys.rule_of(definition))
    if before is None:
        everybodys.refuse_too_many()
    made = rules.find(draft.name, definition.tenant) is None
    if made:
        rules.create(draft, actor=actor, given={})
    else:

        def edit(present: Draft) -> tuple[Draft, Mapping[str, Any]]:
            if present.trigger != TRIGGER:
                raise Conflict(
                    f"the rule {draft.name!r} is not of an SLO: its check is {present.trigger}",
                    hint="Choose another name for the SLO, or for the rule.",
                )
            kept = {name: one for name, one in present.rule.items() if name != "team"}
            changed = {**kept, **_fields(definition, draft.name)}
            # What the check is given beside the SLO, such as how far it looks ahead, stays, too.
            given = {**present.parameters, **draft.parameters}
            return msgspec.structs.replace(present, parameters=given, rule=changed), {}

        rules.change(draft.name, definition.tenant, edit, actor=actor)
    try:
        return slos.save(definition, actor=actor, check=check)
    except (ConfigurationError, Conflict):
        if made:
            # A rule without its SLO would raise an error each minute.
            with rules.alone(draft.name):
                live = rules.find(draft.name, definition.tenant)
                rules.remove(draft.name, definition.tenant, live, actor=actor)
        raise


def remove_slo(
    slos: Slos, rules: MadeRules, name: str, *, actor: str, tenant: str = "default",
    check: Callable[[StoredSlo], None] = lambda _: None,
) -> StoredSlo:  # fmt: skip
    """Remove an SLO with its rule, whose alerts close as "rule disabled".

    Args:
        slos: of whoever removes it
        rules: of the owner `api`, connected to Prefect
        name: of the SLO
        actor: who removes it
        tenant: whose it is
        check: is given the SLO, and may refuse

    Returns:
        The SLO as it was.

    Raises:
        ChangeWaits: a second person has to approve it first; removed again afterwards, it goes
        NotFound: there is no such SLO
        Conflict: its rule has another owner
        PrefectUnreachable: Prefect does not answer; the same again completes it
    """
    found = slos.get(name, tenant=tenant)
    check(found)
    live: Live | None = rules.find(found.rule, tenant)
    if live is not None:
        rules.delete(found.rule, tenant, actor=actor)
    return slos.remove(name, actor=actor, tenant=tenant, check=check)
