"""The Prefect flow run that a change of an alert comes from."""

from __future__ import annotations

import msgspec

__all__ = ["RunSource"]


class RunSource(msgspec.Struct, frozen=True, kw_only=True):
    """The Prefect flow run that did it; all None where there was none.

    `owner` says whether its deployment is a file's or was made by hand: `file` or `ui`.
    """

    flow_run_id: str | None = None
    flow_run_name: str | None = None
    deployment_id: str | None = None
    flow_id: str | None = None
    flow_name: str | None = None
    owner: str = "file"
