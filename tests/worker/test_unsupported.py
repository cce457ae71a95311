"""What a warm process cannot give a deployment is refused, with the pool to use instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sentinel.worker.unsupported import unsupported_reason


def deployment(**fields: Any) -> dict[str, Any]:
    return {"name": "nightly", "entrypoint": "flows.x.y", "pull_steps": [], **fields}


@pytest.mark.parametrize(
    ("fields", "named", "pool"),
    [
        ({"job_variables": {"image": "acme/etl:3"}}, "image = acme/etl:3", "docker or kubernetes"),
        ({"job_variables": {"command": "run.sh"}}, "command = run.sh", "process"),
        ({"job_variables": {"env": {"TOKEN": "secret"}}}, "env = TOKEN", "process"),
        (
            {"pull_steps": [{"prefect.deployments.steps.git_clone": {"repository": "x"}}]},
            "git_clone",
            "process",
        ),
        (
            {"pull_steps": [{"prefect.deployments.steps.set_working_directory":
                             {"directory": "/elsewhere"}}]},
            "set_working_directory",
            "`pull: []`",
        ),
        ({"entrypoint": None}, "no entrypoint", "prefect deploy"),
    ],
    ids=["image", "command", "environment", "clone", "folder", "entrypoint"],
)  # fmt: skip
def test_it_is_refused_by_name_with_the_fix(fields: dict[str, Any], named: str, pool: str):
    said = unsupported_reason(deployment(**fields), {})
    assert "'nightly'" in said
    assert named in said
    assert pool in said
    assert "secret" not in said


def test_job_variables_of_a_single_run_are_refused_too():
    assert "image" in unsupported_reason(deployment(), {"job_variables": {"image": "x"}})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"pull_steps": None},
        {"job_variables": {"name": "x", "labels": {"a": "b"}, "env": {}, "image": None}},
        {"pull_steps": [{"prefect.deployments.steps.set_working_directory": {
            "directory": str(Path.cwd())}}]},
    ],
    ids=["plain", "no steps", "harmless", "the folder it is in"],
)  # fmt: skip
def test_a_deployment_without_special_needs_runs(fields: dict[str, Any]):
    assert unsupported_reason(deployment(**fields), {}) == ""
