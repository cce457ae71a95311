"""The base job template of work pools of type `sentinel`; its variables change no flow run."""

from __future__ import annotations

from typing import Any

__all__ = ["TYPE", "base_job_template", "other_type"]

TYPE = "sentinel"


def base_job_template() -> dict[str, Any]:
    """Return the template. Prefect requires at least one field, so it has one without effect."""
    return {
        "job_configuration": {"name": "{{ name }}"},
        "variables": {
            "type": "object",
            "properties": {
                "name": {
                    "title": "Name",
                    "description": "Without effect: flow runs happen in the worker's own "
                    "processes. The field exists for deployments that move between work pools.",
                    "type": "string",
                }
            },
        },
    }


def other_type(pool: str, kind: str) -> str:
    """Return a note about a work pool of another type; empty if the type is `sentinel`.

    Prefect cannot change the type of an existing pool, and need not: such a pool is served like
    any other.

    Args:
        pool: name of the pool
        kind: type of the pool

    Returns:
        A sentence for people.
    """
    if kind == TYPE:
        return ""
    return (
        f"The work pool {pool} is of type {kind}: a sentinel worker serves it all the same, but a "
        f"worker started by hand needs --type {TYPE}; to have one of that type, delete it "
        f"(prefect work-pool delete {pool}), run `sentinel pool ensure` and deploy again."
    )
