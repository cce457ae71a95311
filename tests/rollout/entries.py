"""An entry of a file, and what Prefect's API says of it once it is rolled out."""

from __future__ import annotations

from typing import Any

from sentinel.rollout.desired import FlowFacts
from sentinel.rollout.files import Entry

FACTS = FlowFacts(name="disk_space", version="1", description="How full.", form={"a": 1})


def entry(**more: Any) -> Entry:
    spec: dict[str, Any] = {
        "name": "full",
        "entrypoint": "flows.rules.disk_space",
        "pull": [],
        "work_pool": {"name": "sentinel"},
        "tags": ["sentinel", "disk"],
        "parameters": {"rule": {"name": "full", "every": "60s", "when": {"above": 95}}},
        "schedules": [
            {"slug": "every", "interval": 60, "anchor_date": "2026-01-01T00:00:22+00:00"}
        ],
        **more,
    }
    return Entry(file="rules.yaml", origin="", place=1, name="full", spec=spec, whole={})


def live(**more: Any) -> dict[str, Any]:
    """What Prefect's API says of the entry once it is rolled out."""
    return {
        "name": "full",
        "version": "1",
        "description": "How full.",
        "entrypoint": "flows.rules.disk_space",
        "path": None,
        "pull_steps": [],
        "work_pool_name": "sentinel",
        "work_queue_name": "default",
        "job_variables": {},
        "enforce_parameter_schema": True,
        "tags": ["disk", "sentinel"],
        "parameters": {"rule": {"name": "full", "every": "60s", "when": {"above": 95}}},
        "parameter_openapi_schema": {"a": 1},
        "global_concurrency_limit": None,
        "concurrency_options": None,
        "schedules": [
            {
                "slug": "every",
                "active": False,
                "parameters": {},
                "schedule": {
                    "interval": 60.0,
                    "anchor_date": "2026-01-01T00:00:22Z",
                    "timezone": "UTC",
                },
            }
        ],
        **more,
    }
