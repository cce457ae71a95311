"""Webhooks of vendors, which mappings turn into alerts or events (`sentinel.ingest.mappings`)."""

from __future__ import annotations

import base64
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from pydantic import SecretStr

from sentinel.access import Permission
from sentinel.api import sns
from sentinel.api.access import by_key, principal
from sentinel.api.bodies import Body, described, json_of
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.scoped import WholeTenant
from sentinel.api.webhooks import Taken, Waiting, take
from sentinel.errors import ConfigurationError, NotFound
from sentinel.ingest.arrivals import MAPPED
from sentinel.ingest.mappings.apply import Mapped, mapped
from sentinel.ingest.mappings.catalog import Catalog
from sentinel.ingest.mappings.document import Mapping
from sentinel.ingest.mappings.envelopes import cloud_events, notification
from sentinel.printable import counted
from sentinel.rules.not_repeated import NotRepeated
from sentinel.settings import Settings
from sentinel.settings.intake import secrets_of

__all__ = ["Keyed", "router"]

router = APIRouter(prefix="/intake", tags=["webhooks"])
_bearer = HTTPBearer(auto_error=False)
_EXAMPLE = {"code": "f2a1", "name": "nightly backup", "status": "down"}


async def _keyed(request: Request, _described: Annotated[object, Security(_bearer)]) -> None:
    """Authenticate a request by a bearer token, HTTP Basic, `?key=` or the vendor's own header.

    Raises:
        Problem: 401 without a key that is valid, 403 without the permission
    """
    header = request.headers.get("authorization", "")
    scheme, _, given = header.partition(" ")
    key = request.query_params.get("key", "")
    if scheme.lower() == "basic":
        key = _password(given) or key
    elif not header and not key:
        key = _of_vendor(request)
    if key:
        await by_key(request, key)
    else:
        await principal(request, request.headers.get("X-Sentinel-User"))


Keyed = Depends(_keyed)
"""The dependency of the router, as vendors put a key where they can."""


def _password(given: str) -> str:
    try:
        text = base64.b64decode(given, validate=True)
    except ValueError:
        return ""
    return text.partition(b":")[2].decode("utf-8", "surrogateescape")


def _of_vendor(request: Request) -> str:
    """Return the key in the header that the mapping names; empty without one."""
    try:
        mapping = _catalog(request).get(request.path_params["mapping"])
    except (NotFound, ConfigurationError):
        return ""  # who has no key learns nothing of it
    name = mapping.document.authentication.header
    return request.headers.get(name, "") if name else ""


@router.post(
    "/{mapping}",
    summary="Receive the webhook of a vendor",
    responses=responses(400, 404, 413),
    openapi_extra=described({"anyOf": [{"type": "object"}, {"type": "array"}]}, _EXAMPLE),
)
@needs(Permission.RESPOND, "webhooks", confined=True)
async def receive(
    request: Request,
    mapping: Annotated[
        str, Path(pattern="^[a-z][a-z0-9-]{0,49}$", description="Name of the mapping.")
    ],
    body: Body,
    tenant: WholeTenant,
    arrivals: Waiting,
    key: Annotated[  # read by `_keyed`
        str | None,
        Query(
            max_length=200,
            description="An API key, for vendors that can send no header.",
            json_schema_extra={"pattern": "^[!-~]*$"},
        ),
    ] = None,
) -> Taken:
    """Accept what a vendor posts: `sentinel mapping list` names the mappings.

    Alerts are readings of the rule `intake-MAPPING`; a mapping into events stores them in the log
    of events. The key may be a bearer token, the password of HTTP Basic, `?key=`, or in a header
    that the mapping names. Where SENTINEL_INTAKE_SECRETS has a secret of the mapping, its
    signature is required besides. If some items cannot be mapped, the response is 422: `errors`
    names them, and the others are taken.

    Returns:
        The counts of alerts and changes.

    Raises:
        Problem: 403 for a signature that is wrong, 404 for an unknown mapping
    """
    chosen = await run_in_threadpool(_catalog(request).get, mapping)
    _check_signature(request, chosen, body)
    made = await run_in_threadpool(_mapped, request, chosen, body)
    if made is None:
        return _nothing("the subscription was confirmed")
    if made.events:
        kept = await run_in_threadpool(tenant.add_events, made.events)
        if kept.refused:
            first = kept.refused[0]
            raise Problem(422, "invalid", f"{first.index}.{first.field}: {first.message}")
        return _nothing(
            f"{counted(kept.accepted, 'event was', 'events were')} stored, {kept.duplicates} "
            f"had come before"
        )
    if made.ignored:
        return _nothing(made.ignored)
    interval = chosen.document.repeat_interval
    terms = None if interval is None else NotRepeated.of(interval)
    return await take(f"{MAPPED}{mapping}", made.arrived, tenant, terms, arrivals)


def _nothing(note: str) -> Taken:
    return Taken(alerts=0, changed=0, late=0, samples=0, truncated=0, note=note)


def _catalog(request: Request) -> Catalog:
    return cast("Catalog", request.app.state.mappings)


def _check_signature(request: Request, mapping: Mapping, body: bytes) -> None:
    signature = mapping.document.authentication.signature
    settings: Settings = request.app.state.settings
    secret = secrets_of(settings.intake_secrets).get(mapping.document.name, SecretStr(""))
    if not secret.get_secret_value():
        return
    if signature is None:
        raise Problem(
            422, "invalid", f"the mapping {mapping.document.name!r} names no signature",
            hint="Take it out of SENTINEL_INTAKE_SECRETS, or add authentication.signature.",
        )  # fmt: skip
    given = request.headers.get(signature.header, "")
    if not signature.signed(secret.get_secret_value(), body, given):
        raise Problem(
            403, "forbidden", f"the header {signature.header} is no signature of this body",
            hint="Compare the secret in SENTINEL_INTAKE_SECRETS with the vendor's.",
        )  # fmt: skip


def _mapped(request: Request, mapping: Mapping, body: bytes) -> Mapped | None:
    """Return what a mapping makes of a body; None for a subscription that was confirmed."""
    headers = {name.lower().replace("-", "_"): text for name, text in request.headers.items()}
    for name in ("authorization", "cookie", mapping.document.authentication.header.lower()):
        headers.pop(name.replace("-", "_"), None)
    content: Any
    match mapping.document.envelope:
        case "cloudevents":
            content = cloud_events(body, headers)
        case "sns":
            given = json_of(body)
            message = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
            if sns.confirmed(message):
                return None
            content = notification(message)
        case "json":
            content = json_of(body)
    return mapped(mapping, content, headers)
