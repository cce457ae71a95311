"""The page about the HTTP API, from its own OpenAPI. `make.py` calls it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentinel.api.app import create_app
from sentinel.settings import Settings

WHO = "X-Sentinel-User"
PART = "Part"
"""The end of the names of schemas that have the fields of another one, all of them optional."""

TOP = """\
# The HTTP API

`sentinel up` and `sentinel api` serve it, at `http://127.0.0.1:8400` unless set otherwise
(`SENTINEL_HOST`, `SENTINEL_API_PORT`). `/docs` has this page in a browser, `/openapi.json` for
programs.
"""

CALLING = """\
The token is `SENTINEL_API_TOKEN`; if that is empty, `sentinel up` makes one and stores it in
`.sentinel/api-token`. Health and documentation need no token on this machine. In a second terminal:

```sh
eval "$(.venv/bin/sentinel env)"
curl -H "Authorization: Bearer $SENTINEL_API_TOKEN" \\
    "http://127.0.0.1:$SENTINEL_API_PORT/api/v1/alerts/alerts?order=live"
```

To read a list page by page, pass `next_cursor` as `cursor` until it is null. `fields` leaves out
all other fields of an answer, or of a list's items. In `/openapi.json` such a GET answers with one
of two schemas: `AlertDetail`, say, with its required fields, or `AlertDetailPart`, which requires
none.
"""


def page() -> str:
    """The page's text."""
    schema = _openapi()
    lines = [TOP, str(schema["info"]["description"]).strip(), "", CALLING]
    for path, methods in schema["paths"].items():
        for method, route in methods.items():
            lines += _route(path, method.upper(), route)
    lines += ["# Bodies of requests and answers", ""]
    schemas: dict[str, Any] = schema["components"]["schemas"]
    for name, model in schemas.items():
        if name.removesuffix(PART) == name or name.removesuffix(PART) not in schemas:
            lines += _schema(name, model)
    return "\n".join(lines).rstrip() + "\n"


def _openapi() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = Settings.model_validate(
            {
                "home": home,
                "database_url": f"sqlite:///{home / 'none.db'}",
                "api_token": "of a page",
                "prefect_api_url": "http://127.0.0.1:9/api",
            }
        )
        app = create_app(settings, relay=False)
        try:
            return app.openapi()
        finally:
            app.state.store.close()


def _route(path: str, method: str, route: Mapping[str, Any]) -> list[str]:
    lines = [f"## `{method} {path}`", "", f"**{route['summary']}.** {route['description']}", ""]
    given = [one for one in route.get("parameters", []) if one["name"] != WHO]
    if given:
        lines += ["| | in | type | default | |", "|---|---|---|---|---|"]
        for one in given:
            schema = one["schema"]
            default = "required" if one["required"] else _default(schema)
            said = _cell(one.get("description", schema.get("description", "")))
            kind = _cell(_type(schema))
            lines.append(f"| `{one['name']}` | {one['in']} | {kind} | {default} | {said} |")
        lines.append("")
    body = route.get("requestBody")
    if body:
        lines += [f"Body: {_type(body['content']['application/json']['schema'])}, as JSON.", ""]
    good = [status for status in route["responses"] if status.startswith("2")]
    for status in good:
        content = route["responses"][status].get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        lines += [f"Answers {status} with {_type(schema) if schema else 'nothing'}.", ""]
    others = [status for status in route["responses"] if status not in good]
    lines += [f"Otherwise: {', '.join(others)}.", ""] if others else []
    return lines


def _schema(name: str, schema: Mapping[str, Any]) -> list[str]:
    lines = [f"## {name}", "", schema.get("description", ""), ""]
    required = schema.get("required", [])
    rows = ["| | type | |", "|---|---|---|"]
    for field, inner in schema.get("properties", {}).items():
        said = inner.get("description", "")
        if field not in required:
            default = inner.get("default")
            left = "May be left out" + (f": then `{default}`." if default else ".")
            said = f"{said} {left}".strip()
        rows.append(f"| `{field}` | {_cell(_type(inner))} | {_cell(said)} |")
    lines += [*rows, ""]
    for example in schema.get("examples", []):
        lines += ["```json", json.dumps(example), "```", ""]
    return lines


def _type(schema: Mapping[str, Any]) -> str:
    """What a schema takes, in words; our own shapes as links."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    branches: list[Mapping[str, Any]] = schema.get("anyOf", [])
    if branches and str(branches[-1].get("$ref", "")).endswith(PART):
        return f"{_type(branches[0])}, or the part of it that `fields` names"
    if branches:
        return " or ".join(_type(one) for one in branches)
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "moment (RFC 3339)"
    bounds = [
        f"{words} {schema[key]:g}"
        for key, words in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "less than"),
        )
        if key in schema
    ]
    if "maxLength" in schema:
        bounds.append(f"at most {schema['maxLength']} characters")
    if "pattern" in schema:
        bounds.append(f"`{schema['pattern']}`")
    words = {"string": "text", "null": "null", "object": "object", "boolean": "true or false"}
    return ", ".join([words.get(kind, kind), *bounds])


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "none" if default in (None, "", []) else f"`{default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
