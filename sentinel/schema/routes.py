"""The table of routes: every version that was applied."""

from __future__ import annotations

from typing import Any, ClassVar

from sentinel.schema.document_version import DocumentVersion

__all__ = ["RouteVersion"]


class RouteVersion(DocumentVersion, table=True):
    """One applied version of the routes.

    Without any, alerts notify the receivers of their rules.
    """

    __tablename__: ClassVar[Any] = "route_version"
