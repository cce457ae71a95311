"""Ask Prefect's own code about deployments: parameter schemas, Automations and templates.

`sentinel deploy` asks only about what changed, because importing Prefect takes seconds. A process
that does without Prefect's client asks
`python -m flows.flow_facts ENTRYPOINT`, or `--automations NAME` with the `triggers` as JSON on its
standard input; it prints JSON.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
from prefect.client.orchestration import get_client
from prefect.events import DeploymentTriggerTypes
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.templating import (
    apply_values,
    resolve_block_document_references,
    resolve_variables,
)
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from sentinel.errors import RuleError, SentinelError
from sentinel.rollout.desired import FlowFacts

__all__ = ["automations_of", "facts_of", "filled"]

_TRIGGER: TypeAdapter[Any] = TypeAdapter(DeploymentTriggerTypes)
_NIL = UUID(int=0)
AUTOMATIONS = "--automations"


def facts_of(entrypoint: str) -> FlowFacts:
    """Return the properties of a flow that its deployments have.

    Args:
        entrypoint: module form of the entrypoint, such as `flows.rules.cpu_usage`

    Returns:
        Name, version, description and parameter schema of the flow.

    Raises:
        RuleError: there is no such flow, or its file cannot be loaded
    """
    try:
        flow = load_flow_from_entrypoint(entrypoint)
        form = parameter_schema(flow).model_dump(exclude_unset=True)
    except (Exception, SystemExit) as error:  # a user's file can raise anything
        ours = _sentinel_error(error)
        if ours is not None:
            raise RuleError(ours.message, hint=ours.hint) from error
        raise RuleError(
            f"the entrypoint {entrypoint} cannot be loaded: {_first_line(error)}",
            hint="Fix the file that it names.",
        ) from error
    return FlowFacts(
        name=flow.name,
        version=flow.version,
        description=flow.description,
        form=to_jsonable_python(form),
    )


def automations_of(deployment: str, triggers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the Automations of a deployment's `triggers`, as Prefect's API accepts them.

    Args:
        deployment: name of the deployment, for the default names
        triggers: the entries below `triggers`

    Returns:
        The Automations. Their `deployment_id` is the nil UUID, because the deployment may not
        exist yet.

    Raises:
        RuleError: an entry is not a valid trigger
    """
    made: list[dict[str, Any]] = []
    for number, given in enumerate(triggers, start=1):
        spec = {"name": f"{deployment}__automation_{number}", **given}
        try:
            trigger = _TRIGGER.validate_python(spec)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RuleError(f"triggers: {spec['name']}: {where}: {first['msg']}") from None
        trigger.set_deployment_id(_NIL)
        made.append(trigger.as_automation().model_dump(mode="json"))
    return made


def filled(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with its templates filled in as Prefect does: blocks, variables, environment.

    The templates of pull steps and Automations stay, because they are filled in at run time.

    Args:
        spec: a deployment as written in a file

    Returns:
        The entry without templates.

    Raises:
        RuleError: a template names something that does not exist
    """
    kept = {name: spec[name] for name in ("pull", "triggers") if name in spec}
    rest = {name: value for name, value in spec.items() if name not in kept}

    async def work() -> dict[str, Any]:
        async with get_client() as client:
            found: Any = await resolve_block_document_references(rest, client=client)
            found = await resolve_variables(found, client=client)
        found = apply_values(found, dict(os.environ), remove_notset=False)
        return cast("dict[str, Any]", apply_values(found, {}, skip_prefixes=["ctx."]))

    try:
        return {**asyncio.run(work()), **kept}
    except Exception as error:  # Prefect raises many kinds of errors here
        raise RuleError(f"a template cannot be filled in: {_first_line(error)}") from error


def _sentinel_error(error: BaseException | None) -> SentinelError | None:
    """Return the error of Sentinel among the causes of Prefect's error, if there is one."""
    while error is not None and not isinstance(error, SentinelError):
        error = error.__cause__
    return error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "").rstrip(". ") or type(error).__name__


def _printed(*arguments: str) -> int:
    """Print what is asked for, or why there is none, as JSON; return the exit code.

    Args:
        *arguments: the entrypoint of a flow; or `--automations` and the name of a deployment, whose
            `triggers` are the JSON of the standard input

    Returns:
        0, or 1 where there is none.
    """
    try:
        if arguments[0] == AUTOMATIONS:
            triggers = msgspec.json.decode(sys.stdin.buffer.read(), type=list[dict[str, Any]])
            answer: Any = automations_of(arguments[1], triggers)
        else:
            answer = msgspec.to_builtins(facts_of(arguments[0]))
    except RuleError as error:
        print(msgspec.json.encode({"error": error.message, "hint": error.hint}).decode())
        return 1
    print(msgspec.json.encode(answer).decode())
    return 0


if __name__ == "__main__":
    sys.exit(_printed(*sys.argv[1:]))
