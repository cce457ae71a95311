"""Passive results of Nagios and Icinga: NRDP, Icinga 2's API, and lines as `send_nsca` reads."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from sentinel.access import Permission
from sentinel.api.access import by_key
from sentinel.api.bodies import Body, json_of
from sentinel.api.doors.foreign import route_class
from sentinel.api.limits import allow
from sentinel.api.needs import needs
from sentinel.api.problems import Problem
from sentinel.api.scoped import WholeTenant
from sentinel.api.webhooks import Taken, Waiting, take
from sentinel.errors import SampleError
from sentinel.ingest.passive_checks import (
    NAGIOS,
    arrived_of,
    icinga_result,
    nrdp_json,
    nrdp_xml,
    nsca_lines,
)

__all__ = ["Tokened", "icinga", "lines", "nrdp"]

_MOST_FIELDS = 50
"""Of a form; NRDP's clients send four."""


def _nrdp_answer(request: Request, status: int, message: str, more: str = "") -> Response:
    """Return an answer as NRDP gives it: in the form of the data that came."""
    form: dict[str, str] = getattr(request.state, "form", {})
    http = 200 if status == 0 else 400
    if "jsondata" in form or "json" in form:
        result: dict[str, Any] = {"status": status, "message": message}
        if more:
            result["meta"] = {"output": more}
        return JSONResponse({"result": result}, http)
    meta = f"<meta><output>{escape(more)}</output></meta>" if more else ""
    text = f"<result><status>{status}</status><message>{escape(message)}</message>{meta}</result>"
    return Response(
        f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n', http, media_type="text/xml"
    )


def _nrdp_refusal(request: Request, problem: Problem) -> Response:
    said = f"{problem.message}. {problem.hint}" if problem.hint else problem.message
    if problem.status == HTTPStatus.UNAUTHORIZED:
        said = f"BAD TOKEN: {said}"
    answer = _nrdp_answer(request, -1, said)
    answer.status_code = problem.status
    answer.headers.update(problem.headers or {})
    return answer


def _icinga_refusal(_request: Request, problem: Problem) -> Response:
    said = f"{problem.message}. {problem.hint}" if problem.hint else problem.message
    status = 400 if problem.status == HTTPStatus.UNPROCESSABLE_ENTITY else problem.status
    body = {"error": float(status), "status": said}
    return JSONResponse(body, status, dict(problem.headers or {}))


# All three are described by their vendors, and not in our document.
nrdp = APIRouter(
    prefix="/nagios/nrdp", tags=["webhooks"], route_class=route_class(_nrdp_refusal),
    include_in_schema=False,
)  # fmt: skip
icinga = APIRouter(
    prefix="/icinga/v1/actions", tags=["webhooks"], route_class=route_class(_icinga_refusal),
    include_in_schema=False,
)  # fmt: skip
lines = APIRouter(prefix="/nagios/nsca", tags=["webhooks"], include_in_schema=False)


async def _tokened(request: Request) -> None:
    """Authenticate a request by the token in its form.

    Raises:
        Problem: 401 without a token that is valid; 403 as of any other request
    """
    allow(request)
    # Not of the address, which proxies write into their logs.
    form = request.state.form = await run_in_threadpool(_form_of, await request.body())
    token = form.get("token", "").strip()
    if not token:
        raise Problem(401, "unauthorized", "'token' is missing", hint="It is an API key.")
    await by_key(request, token)


def _form_of(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise Problem(400, "invalid", f"a form of NRDP has at most {_MOST_FIELDS} fields") from None
    return {name.lower(): value for name, value in pairs}


Tokened = Depends(_tokened)
"""The dependency of the router of NRDP, whose callers have their key in the form."""


@nrdp.post("")
@nrdp.post("/")
@needs(Permission.RESPOND, "webhooks", confined=True)
async def submit(request: Request, tenant: WholeTenant, arrivals: Waiting) -> Response:
    """Take the command `submitcheck`; the others of NRDP are refused."""
    form: dict[str, str] = request.state.form
    if form.get("cmd", "").lower() != "submitcheck":
        raise Problem(400, "invalid", f"cmd {form.get('cmd', '')[:80]!r} is not taken",
                      hint="Send cmd=submitcheck.", field="cmd")  # fmt: skip
    results = await run_in_threadpool(_nrdp_results, form)
    if not results:
        raise Problem(400, "invalid", "NO DATA", hint="Send XMLDATA or JSONDATA.")
    await _taken(results, tenant, arrivals)
    return _nrdp_answer(request, 0, "OK", f"{len(results)} checks processed.")


def _nrdp_results(form: dict[str, str]) -> list[object]:
    if data := form.get("jsondata") or form.get("json"):
        return nrdp_json(data)
    data = form.get("xmldata") or form.get("xml")
    return nrdp_xml(data) if data else []


async def _taken(results: list[object], tenant: WholeTenant, arrivals: Waiting) -> Taken:
    arrived = await run_in_threadpool(arrived_of, results)
    return await take(NAGIOS, arrived, tenant, None, arrivals)


@icinga.post("/process-check-result")
@needs(Permission.RESPOND, "webhooks", confined=True)
async def process_check_result(body: Body, tenant: WholeTenant, arrivals: Waiting) -> Response:
    """Take a result; Icinga's clients send HTTP Basic, whose password is the API key."""
    result = icinga_result(json_of(body))
    await _taken([result], tenant, arrivals)
    name = f"{result.host}!{result.check}" if result.check else result.host
    said = f"Successfully processed check result for object '{name}'."
    return JSONResponse({"results": [{"code": 200.0, "status": said}]})


@lines.post("")
@needs(Permission.RESPOND, "webhooks", confined=True)
async def submit_lines(
    body: Body, tenant: WholeTenant, arrivals: Waiting,
    delimiter: Annotated[str, Query(min_length=1, max_length=10)] = "\t",
) -> Taken:  # fmt: skip
    """Take lines as `send_nsca` reads them: host, check, state and output."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise SampleError(f"the body is no UTF-8: {error.reason}", field="body") from None
    return await _taken(nsca_lines(text, delimiter), tenant, arrivals)
