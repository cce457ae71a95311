"""What a work pool of type `sentinel` lets deployments fill in: nothing that changes a run."""

from __future__ import annotations

from typing import Any

__all__ = ["TYPE", "base_job_template", "other_type"]

TYPE = "sentinel"


def base_job_template() -> dict[str, Any]:
    """The pool's template. Prefect wants at least one field in it, so there is a harmless one."""
    return {
        "job_configuration": {"name": "{{ name }}"},
        "variables": {
            "type": "object",
            "properties": {
                "name": {
                    "title": "Name",
                    "description": "Nothing is called by it: runs happen in the worker's own "
                    "processes. It is here for deployments that move between pools.",
                    "type": "string",
                }
            },
        },
    }


def other_type(pool: str, kind: str) -> str:
    """What to tell people of a pool that a worker of another type was meant for; else empty.

    Prefect cannot change the type of a pool that exists, and none is needed: such a pool is
    served like any other.

    Args:
        pool: its name
        kind: its type
    """
    if kind == TYPE:
        return ""
    return (
        f"The work pool {pool} is of type {kind}: a sentinel worker serves it all the same, but a "
        f"worker started by hand needs --type {TYPE}; to have one of that type, delete it "
        f"(prefect work-pool delete {pool}), run `sentinel pool ensure` and deploy again."
    )
