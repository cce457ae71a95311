"""The rules of a pack as entries of their own, for what is done with one rule at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from pydantic import ValidationError

from sentinel.errors import ConfigurationError, RuleError
from sentinel.rollout.files import Entry
from sentinel.rollout.plan import RULES
from sentinel.rules.pack import RULE_PACK, members_of
from sentinel.rules.rule import Rule
from sentinel.validation_messages import validation_message

__all__ = ["alone"]


def alone(entry: Entry) -> Sequence[Entry]:
    """Return an entry for each rule of a pack; of another deployment, that of its file.

    Args:
        entry: of a deployment file

    Returns:
        Entries with the parameters that each rule would have as a deployment of its own.

    Raises:
        ConfigurationError: the pack cannot be used
    """
    if entry.entrypoint != RULES + RULE_PACK:
        return [entry]
    given: Any = entry.spec.get("parameters") or {}
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{entry.file}, {entry.shown}: parameters: must be a mapping")
    parameters = cast("Mapping[str, Any]", given)
    try:
        base = Rule.model_validate(parameters.get("rule"))
        members = members_of(base, parameters)
    except ValidationError as error:
        why = validation_message(error.errors()[0], Rule)
        raise ConfigurationError(f"{entry.file}, {entry.shown}: rule: {why}") from None
    except RuleError as error:
        raise ConfigurationError(
            f"{entry.file}, {entry.shown}: {error.message}",
            hint=f"See: sentinel rule lint {entry.file}",
        ) from None
    return [
        msgspec.structs.replace(
            entry,
            name=one.rule.name,
            spec={
                **entry.spec,
                "name": one.rule.name,
                "entrypoint": f"{RULES}{parameters.get('trigger')}",
                "parameters": {**one.parameters, "rule": one.rule.dump()},
            },
        )
        for one in members
    ]
