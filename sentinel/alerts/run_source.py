"""The Prefect flow run that a change of an alert comes from."""

from __future__ import annotations

import msgspec

__all__ = ["RunSource"]


class RunSource(msgspec.Struct, frozen=True, kw_only=True):
    """The Prefect flow run that a change comes from; every id is None where there was none.

    `owner` is the owner of its deployment: `file` or `ui`. `tagged_owner` is whom its tag
    `owner:NAME` names, and `work_pool` where it ran; empty for none.
    """

    flow_run_id: str | None = None
    flow_run_name: str | None = None
    deployment_id: str | None = None
    flow_id: str | None = None
    flow_name: str | None = None
    owner: str = "file"
    tagged_owner: str = ""
    work_pool: str = ""
