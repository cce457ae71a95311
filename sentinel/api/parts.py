"""Only the fields of a response that a request asks for: `?fields=name,enabled`.

`offer_parts` gives the parameter to every GET that answers with a model: of a list, it names the
fields of its items. Without the parameter a request costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, cast, get_args
from weakref import WeakKeyDictionary

import orjson
from fastapi import Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

from sentinel.api.problems import Problem

__all__ = [
    "PARAMETER",
    "Fields",
    "chosen",
    "describe_parts",
    "offer_parts",
    "only",
    "part_names",
]

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
PARAMETER = "fields"
_offered: WeakKeyDictionary[Callable[..., Any], type[BaseModel]] = WeakKeyDictionary()
"""The model of which a part may be asked for, by endpoint; routes themselves cannot be keys."""

Fields = Annotated[
    str | None,
    Query(
        description="Names of the fields to return, with commas between; by default all.",
        max_length=1000,
        examples=["name,enabled"],
        json_schema_extra={"pattern": "^[a-z_]+(,[a-z_]+)*$"},
    ),
]


def chosen(fields: str | None, known: Collection[str]) -> frozenset[str] | None:
    """Return the names of the fields that were asked for.

    Args:
        fields: the query parameter
        known: names of all fields

    Returns:
        The names; None for all.

    Raises:
        Problem: 422 for a name that there is not
    """
    if fields is None:
        return None
    names = frozenset(name.strip() for name in fields.split(","))
    for name in sorted(names - set(known)):
        near = get_close_matches(name, known, 1, 0.5)
        raise Problem(
            422,
            "invalid",
            f"fields: there is no field {name!r}" + (f"; did you mean {near[0]}?" if near else ""),
            hint=f"There are: {', '.join(known)}.",
            field="fields",
        )
    return names


def only(names: Collection[str] | None, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an item that were asked for, in their order."""
    return {name: value for name, value in item.items() if names is None or name in names}


def part_names(endpoint: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names that `fields` of a route takes; empty where it does not take it here."""
    model = _offered.get(endpoint)
    return tuple(model.model_fields) if model is not None else ()


def offer_parts(routes: Iterable[BaseRoute]) -> None:
    """Let every GET that answers with a model take `fields`.

    Args:
        routes: of a router, before it is included
    """
    for route in routes:
        if not isinstance(route, APIRoute) or route.methods != {"GET"}:
            continue
        if "get_route_handler" in vars(route):  # its router is included a second time
            continue
        own = {field.alias for field in route.dependant.query_params}
        model = _part_model(route.response_model)
        if model is None or PARAMETER in own:
            continue
        _offered[route.endpoint] = model
        extra = route.openapi_extra or {}
        described = {
            "name": PARAMETER,
            "in": "query",
            "required": False,
            "description": "Names of the fields to return, with commas between; by default all.",
            "schema": {"type": "string", "pattern": _pattern(model), "maxLength": 1000},
        }
        more = [*extra.get("parameters", []), described]
        route.openapi_extra = {**extra, "parameters": more}
        # Of this one route: a class of routes would have to be named in every module of routes.
        vars(route)["get_route_handler"] = _handler_of(route.get_route_handler, model)


def describe_parts(document: dict[str, Any]) -> None:
    """Say in an OpenAPI document that a GET with `fields` answers with a part of its model.

    Its answer is any of two: the model whole, as every other route has it, or a model of its own
    name whose fields may be left out.

    Args:
        document: is changed
    """
    schemas = document["components"]["schemas"]
    for methods in document["paths"].values():
        read: dict[str, Any] = methods.get("get") or {}
        if all(one["name"] != PARAMETER for one in read.get("parameters", ())):
            continue
        content: dict[str, Any] = read["responses"]["200"]["content"]["application/json"]
        whole = content["schema"]
        if "$ref" in whole:  # the document is made once, and then described at each request
            content["schema"] = {"anyOf": [whole, _part_described(whole, schemas)]}


def _part_described(whole: Mapping[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a reference to the schema of a part, which is added where it is missing."""
    name = str(whole["$ref"]).rpartition("/")[2]
    model = schemas[name]
    part = f"{name}Part"
    if part not in schemas:
        items = model["properties"].get("items")
        if items is None:
            left_out = ("required", "examples")
            schemas[part] = {
                **{key: value for key, value in model.items() if key not in left_out},
                "title": part, "minProperties": 1, "additionalProperties": False,
                "description": f"The fields of {name} that `{PARAMETER}` names.",
            }  # fmt: skip
        else:
            inner = _part_described(items["items"], schemas)
            fields = {**model["properties"], "items": {**items, "items": inner}}
            schemas[part] = {
                **model, "title": part, "properties": fields,
                "description": f"{name}, with the fields that `{PARAMETER}` names.",
            }  # fmt: skip
    return {"$ref": f"#/components/schemas/{part}"}


def _part_model(answer: Any) -> type[BaseModel] | None:
    """Return the model whose fields may be chosen: of a list, that of its items."""
    if not (isinstance(answer, type) and issubclass(answer, BaseModel)):
        return None
    items = answer.model_fields.get("items")
    if items is None:
        return answer
    inner = get_args(items.annotation)
    return inner[0] if inner and issubclass(inner[0], BaseModel) else None


def _pattern(model: type[BaseModel]) -> str:
    one = f"({'|'.join(model.model_fields)})"
    return f"^{one}(,{one})*$"


def _handler_of(make: Callable[[], Handler], model: type[BaseModel]) -> Callable[[], Handler]:
    def made() -> Handler:
        work = make()

        async def handler(request: Request) -> Response:
            response = await work(request)
            # Most requests ask for everything, and pay for this comparison alone.
            if b"fields=" not in request.scope["query_string"] or response.status_code != 200:
                return response
            names = chosen(request.query_params.get(PARAMETER), model.model_fields)
            return response if names is None else _part_of(response, names)

        return handler

    return made


def _part_of(response: Response, names: Collection[str]) -> Response:
    found = orjson.loads(cast("bytes", response.body))
    items = found.get("items")
    part: Any = only(names, found)
    if items is not None:
        part = {**found, "items": [only(names, item) for item in items]}
    headers = {name: text for name, text in response.headers.items() if name != "content-length"}
    return Response(orjson.dumps(part), response.status_code, headers)
