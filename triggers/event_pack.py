"""Many event policies in one deployment, each a rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from sentinel import Context, Reading, trigger
from sentinel.errors import PolicyError
from sentinel.expression.yaml_loader import read_yaml
from triggers._events import PolicyJson, matched


@trigger(category="events", keeps_readings=False, backtest=False)
def event_pack(
    ctx: Context,
    policies: list[PolicyJson] = [],  # noqa: B006 - a form's default; nothing here changes it
    file: str = "",
) -> Iterator[Reading]:
    """Up to 1,000 event policies; each is a rule of its own name, with its own switch.

    Receivers, team, groups and `resolve_after` of this rule hold for all of them, unless a policy
    has its own. A policy that is taken out is retired with its alerts.

    Args:
        ctx: the events of the rule's tenant
        policies: a list of policies, as JSON
        file: of policies, JSON or YAML, where the workers have it; instead of `policies`

    Returns:
        No reading in a run of the deployment, which stores the alerts itself; in a rehearsal a
        firing reading for each alert that there would be.

    Raises:
        PolicyError: neither or both of `policies` and `file` are given, or a policy cannot be used
    """
    if bool(policies) is bool(file):
        raise PolicyError("an event pack takes policies or a file, one of them")
    return matched(ctx, _of_file(file) if file else policies, alone=False)


def _of_file(file: str) -> list[dict[str, Any]]:
    """Return the policies of a file: a list, or an object with a list `policies`."""
    try:
        content: Any = read_yaml(Path(file).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(
            f"the policies in {file} cannot be read: {' '.join(str(error).split())}",
            hint="It must lie where the workers run.",
        ) from None
    if isinstance(content, dict):
        content = cast("dict[str, Any]", content).get("policies")
    if not isinstance(content, list):
        raise PolicyError(f"{file} has no list of policies", hint="Write `policies: [...]`.")
    found: list[dict[str, Any]] = []
    for place, one in enumerate(cast("list[Any]", content)):
        if not isinstance(one, dict):
            raise PolicyError(f"{file}: entry {place} is no policy", hint="Write an object.")
        found.append(cast("dict[str, Any]", one))
    return found
