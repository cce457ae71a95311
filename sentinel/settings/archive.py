"""Settings of retention by tenant, and of the archive of resolved alerts."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from sentinel.duration import Duration, parse_duration
from sentinel.settings.secure import SecureSettings

__all__ = ["ArchiveSettings", "checked_archive", "retention_by_tenant"]


def retention_by_tenant(given: str) -> dict[str, timedelta]:
    """Return how long resolved alerts are kept, by tenant.

    Args:
        given: `acme=30d, globex=365d`; empty for none

    Returns:
        The durations by the names of tenants.

    Raises:
        ValueError: a part is not `TENANT=DURATION`, or names a tenant a second time
    """
    found: dict[str, timedelta] = {}
    for part in filter(None, (one.strip() for one in given.split(","))):
        tenant, equals, length = (one.strip() for one in part.partition("="))
        if not tenant or not equals or tenant in found:
            raise ValueError(f"write each tenant once, as acme=30d, not {part!r}")
        found[tenant] = parse_duration(length)
    return found


def checked_archive(given: str) -> str:
    """Return the address of the archive.

    Args:
        given: a folder, or an address that fsspec knows, such as `s3://bucket/prefix`

    Returns:
        The same text, without spaces around it.

    Raises:
        ValueError: it has a login, which logs and process lists would show
    """
    given = given.strip()
    if "://" in given and "@" in urlsplit(given).netloc:
        raise ValueError("must hold no login: object storage reads its own variables (AWS_…)")
    return given


class ArchiveSettings(SecureSettings):
    """The part of `Settings` about retention by tenant and the archive."""

    retention_by_tenant: str = Field(
        default="",
        description=(
            "Tenants whose resolved alerts are kept for another time than SENTINEL_RETENTION, as "
            "`acme=30d, globex=365d`; empty for none."
        ),
    )
    archive_url: str = Field(
        default="",
        description=(
            "Where alerts go that were resolved longer ago than that: a folder that all workers "
            "and the API see, or an address that fsspec knows, such as s3://bucket/prefix; empty "
            "means that they are deleted."
        ),
    )
    keep_archive: Duration | None = Field(
        default=None,
        description=(
            "How long archived alerts are kept after they were resolved. "
            "What is on legal hold is kept in any case."
        ),
    )

    most_history: int = Field(
        default=0,
        ge=0,
        description=(
            "Largest number of resolved alerts in the database. Beyond it the oldest leave before "
            "their time: into the archive, or, without one, all but critical ones are deleted; 0 "
            "means no limit."
        ),
    )
    most_active_alerts: int = Field(
        default=100_000,
        ge=1,
        description=(
            "Number of active alerts that the instance is sized for. Once so many are active, a "
            "rule that has 20 of its own opens only critical ones; it counts further ones in one "
            "alert, and opens them once there is room. The pack `sentinel` has a rule that fires "
            "at 80 percent of it."
        ),
    )

    @field_validator("retention_by_tenant")
    @classmethod
    def _reads(cls, given: str) -> str:
        retention_by_tenant(given)
        return given

    _archive = field_validator("archive_url")(checked_archive)
