"""`?fields=`: every GET that answers with a model returns the part of it that is asked for."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi import FastAPI

from tests.api.served import Raised

BASE = "/api/v1/alerts"


def get(client: httpx.Client, path: str, fields: str, status: int = 200) -> Any:
    answer = client.get(f"{BASE}/{path}", params={"fields": fields})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_lists_and_details_have_only_the_fields_that_are_asked_for(
    client: httpx.Client, raised: Raised
):
    (one,) = raised("/a")
    page = get(client, "alerts", "id,status")
    assert page == {"items": [{"id": one, "status": "open"}], "next_cursor": None}
    assert get(client, f"alerts/{one}", "title,labels").keys() == {"title", "labels"}
    assert get(client, "rules", "name")["items"] == [{"name": "disk"}]
    assert get(client, "statistics", "total_active_alerts") == {"total_active_alerts": 1}
    assert get(client, "receivers/default", "channels") == {"channels": ["inbox"]}
    whole = client.get(f"{BASE}/receivers/default", params={"fields": "name"})
    assert whole.headers["ETag"] == client.get(f"{BASE}/receivers/default").headers["ETag"]


def test_an_unknown_field_is_refused_by_name(client: httpx.Client):
    refused = get(client, "alerts", "id,sverity", 422)["error"]
    assert "'sverity'; did you mean severity" in refused["message"]
    assert refused["field"] == "fields"
    assert "unknown query parameter" in get(client, "rules/x/prefect.yaml", "name", 422)["error"][
        "message"
    ]  # fmt: skip


def test_every_get_that_answers_with_a_model_takes_it(app: FastAPI):
    without = [
        path
        for path, methods in app.openapi()["paths"].items()
        if "get" in methods
        and [*methods["get"]["responses"]["200"].get("content", {})] == ["application/json"]
        and [one["name"] for one in methods["get"]["parameters"]].count("fields") != 1
    ]
    assert without == []


def test_a_part_is_described_beside_the_whole_which_keeps_what_it_always_has(app: FastAPI):
    described = app.openapi()
    schemas = described["components"]["schemas"]

    def answers(path: str) -> list[str]:
        answer = described["paths"][f"{BASE}/{path}"]["get"]["responses"]["200"]
        schema = answer["content"]["application/json"]["schema"]
        return [one["$ref"].rpartition("/")[2] for one in schema["anyOf"]]

    assert answers("alerts/{alert_id}") == ["AlertDetail", "AlertDetailPart"]
    assert {"id", "status", "severity"} <= set(schemas["AlertDetail"]["required"])
    assert "required" not in schemas["AlertDetailPart"]
    assert schemas["AlertDetailPart"]["properties"] == schemas["AlertDetail"]["properties"]
    whole, part = answers("rules")
    assert schemas[part]["required"] == schemas[whole]["required"]  # a page has all that pages have
    items = schemas[part]["properties"]["items"]["items"]
    assert items == {"$ref": "#/components/schemas/RuleItemPart"}
    made = described["paths"][f"{BASE}/rules"]["post"]["responses"]["201"]
    assert made["content"]["application/json"]["schema"]["$ref"].endswith("/RuleDetail")
    assert "parameters" in schemas["RuleDetail"]["required"]
