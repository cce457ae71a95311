"""What Prefect itself says of deployments: forms of flows, Automations, what is to be filled in.

`sentinel deploy` asks here for what changed only: importing Prefect takes seconds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

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
_NOBODY = UUID(int=0)


def facts_of(entrypoint: str) -> FlowFacts:
    """What the flow at `entrypoint` says of its deployments.

    Raises:
        RuleError: there is no such flow, or its file is broken
    """
    try:
        flow = load_flow_from_entrypoint(entrypoint)
        form = parameter_schema(flow).model_dump(exclude_unset=True)
    except (Exception, SystemExit) as error:  # whatever a file that is not ours raises
        ours = _ours(error)
        if ours is not None:
            raise RuleError(ours.message, hint=ours.hint) from error
        raise RuleError(
            f"its entrypoint {entrypoint} cannot be loaded: {_first_line(error)}",
            hint="Mend the file that it names.",
        ) from error
    return FlowFacts(
        name=flow.name,
        version=flow.version,
        description=flow.description,
        form=to_jsonable_python(form),
    )


def automations_of(deployment: str, triggers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The Automations that stand under a deployment's `triggers`, as the API takes them.

    Their `deployment_id` is the nil UUID: the deployment may not be there yet.

    Raises:
        RuleError: one is none
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
        trigger.set_deployment_id(_NOBODY)
        made.append(trigger.as_automation().model_dump(mode="json"))
    return made


def filled(spec: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with its blocks, variables and `{{ $ENVIRONMENT }}` filled in, as Prefect does it.

    Steps of workers and Automations keep theirs, which mean something only later.

    Raises:
        RuleError: something that it names is not there
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
    except Exception as error:  # Prefect's own, of many kinds, about one entry
        raise RuleError(f"it cannot be filled in: {_first_line(error)}") from error


def _ours(error: BaseException | None) -> SentinelError | None:
    """What we said ourselves, somewhere beneath what Prefect made of it."""
    while error is not None and not isinstance(error, SentinelError):
        error = error.__cause__
    return error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "").rstrip(". ") or type(error).__name__
