"""Rule files over HTTP: what `sentinel rule import` does, from another machine."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.document_versions import of_document
from sentinel.api.editing import ETAG, IfMatch
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.rollouts import RolledOut, carry_out
from sentinel.api.rollouts import plan as answer_plan
from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.rollout.files import Entry, read_documents

__all__ = ["DOCUMENT", "RuleFiles", "entries_of", "router"]

router = APIRouter(prefix="/rule-files", tags=["rules"])

MOST_RULES = 1000
"""Rules that one request may roll out."""
_EXAMPLE = """deployments:
  - name: disk-full
    entrypoint: flows.rules.disk_space
    pull: []
    work_pool: {name: sentinel}
    parameters:
      rule: {name: disk-full, every: 60s, severity: high, when: {above: 95}}
    schedules:
      - {slug: every, interval: 60, anchor_date: "2026-01-01T00:00:17+00:00", timezone: UTC}
"""


DOCUMENT: dict[str, Any] = {"document": {"rules.yaml": _EXAMPLE}}
Files = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=500)],
        Annotated[str, Field(max_length=MOST_LETTERS)],
    ],
    Field(min_length=1, max_length=500, description="YAML or JSON of each file, by its name."),
]


class RuleFiles(BaseModel):
    """Rule files, as `sentinel rule export` writes them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [DOCUMENT]})

    document: Files


@router.post(
    "/plan",
    summary="What rule files would change",
    responses={**responses(400, 403, 413), 200: {"headers": ETAG, "description": "The plan"}},
    openapi_extra=described_as(RuleFiles),
)
@needs(Permission.EDIT, "rules")
def plan(request: Request, response: Response, body: Body) -> RolledOut:
    """Compare rule files with the deployments in Prefect. Nothing is changed.

    The differences show how rules are configured, so this needs the permission to edit, as the
    page and `apply` do.

    The tag of the answer, as `If-Match` of `apply`, lets it change only what was compared here.

    Returns:
        A step for each rule.
    """
    entries = entries_of(read_as(RuleFiles, body))
    return answer_plan(request, response, entries, lambda rollout: rollout.plan_sent(entries))


@router.post(
    "/apply",
    summary="Deploy rules from files",
    responses=responses(400, 403, 409, 412, 413),
    openapi_extra=described_as(RuleFiles),
)
@needs(Permission.EDIT, "rules")
def apply(
    request: Request, response: Response, body: Body, who: Acting, if_match: IfMatch = None
) -> RolledOut:
    """Deploy the rules of files that differ; switches, pauses and schedules stay as they are.

    The rules belong to the files, as those of `sentinel deploy`. A file that is sent deploys rules
    alone: an entry with other code, steps in `pull`, `job_variables`, Automations or templates is
    refused, and so is one that Prefect rejects or that waits for a second person; the others are
    deployed. With `If-Match`, nothing is deployed where the plan is another one by now.

    Returns:
        A step for each rule, as it was carried out.
    """
    entries = entries_of(read_as(RuleFiles, body))
    return carry_out(
        request, response, entries, lambda rollout: rollout.plan_sent(entries), if_match=if_match,
        actor=who.name,
    )  # fmt: skip


def entries_of(asked: RuleFiles) -> list[Entry]:
    """Return the entries of the files that a request sends.

    Args:
        asked: the request

    Returns:
        The entries, in order.

    Raises:
        Problem: 422, if a file cannot be read or there are too many rules
    """
    found = of_document(lambda: read_documents(asked.document))
    if len(found) > MOST_RULES:
        raise Problem(
            422,
            "invalid",
            f"document: {len(found):,} rules are too many; {MOST_RULES:,} are allowed",
            hint="Send them in several requests.",
            field="document",
        )
    return found
