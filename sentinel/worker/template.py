"""What a work pool of type `sentinel` lets deployments fill in: nothing that changes a run."""

from __future__ import annotations

from typing import Any

__all__ = ["TYPE", "base_job_template"]

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
