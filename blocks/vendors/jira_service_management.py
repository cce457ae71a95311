"""Jira Service Management, through its integration events: those of Opsgenie at another address.

https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events/
(its first part, read on 2026-11-29): create, acknowledge, close and note, but no change of the
priority. The rest of the page could not be read: all lengths, and the fields priority, user and
note, are unverified; those of Opsgenie are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from blocks.vendors.opsgenie import Opsgenie


class JiraServiceManagement(Opsgenie):
    """Creates, acknowledges and closes one alert for each group of alerts."""

    _block_type_name = "Sentinel Jira Service Management"
    _block_type_slug = "sentinel-jira-service-management"
    _description = "Creates one alert in Jira Service Management for a group, and closes it."
    _what = "Jira Service Management"
    _fix = "Use the API key of an API integration of a team in Operations."
    _fixes: ClassVar[Mapping[int, str]] = {
        403: "Switch the integration on, and say there that it may create and update alerts.",
    }
    _changes_priority: ClassVar[bool] = False

    url: str = Field(
        default="https://api.atlassian.com/jsm/ops/integration",
        title="URL",
        description="Of the integration events of Jira Service Management.",
    )
