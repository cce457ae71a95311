"""How a worker behaves: environment variables beginning with `SENTINEL_WORKER_`."""

from __future__ import annotations

import os

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from sentinel.duration import Duration, parse_duration
from sentinel.errors import ConfigurationError

__all__ = ["Options"]


def _limit() -> int:
    return max(4, 4 * (os.cpu_count() or 1))


class Options(BaseSettings):
    """Everything a platform owner may set of a worker."""

    model_config = SettingsConfigDict(
        env_prefix="SENTINEL_WORKER_", env_file=".env", extra="ignore", frozen=True
    )

    poll: Duration = Field(
        default=parse_duration(0.5),
        description="How often the pool's first work queue, of notifications, is asked for runs.",
    )
    poll_others: Duration = Field(
        default=parse_duration(2),
        description="How often all queues are; what is scheduled is known before it is due.",
    )
    ahead: Duration = Field(
        default=parse_duration(0.8),
        description="A run is claimed this long before it is due, so that it begins on time.",
    )
    limit: int = Field(
        default_factory=_limit,
        ge=1,
        le=1000,
        description="Most runs at once, a child each; --limit says the same.",
    )
    warm: int = Field(default=2, ge=1, le=100, description="Children kept ready while idle.")
    loop_limit: int = Field(
        default=50, ge=1, le=1000, description="Most asynchronous runs that share a child's loop."
    )
    runs_per_child: int = Field(
        default=2000, ge=1, description="A child is replaced after this many runs."
    )
    memory_per_child: int = Field(
        default=512,
        ge=64,
        description="Megabytes after which a child is replaced; at twice that it is killed.",
    )
    timeout: Duration = Field(
        default=parse_duration("1h"),
        description="A run that is no rule's is killed after this long. Rules say `timeout`.",
    )
    grace: Duration = Field(
        default=parse_duration("15s"),
        description="How long past a rule's timeout its child is killed.",
    )
    drain: Duration = Field(
        default=parse_duration("30s"),
        description="After SIGTERM, runs that have begun may take this long to end.",
    )
    log_level: str = Field(
        default="INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL|OFF)$",
        description="What runs log is sent to the Prefect API from this level on; or OFF.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the metrics on this machine; 0 is any."
    )

    @classmethod
    def given(cls) -> Options:
        """What the environment and `.env` say.

        Raises:
            ConfigurationError: one of them cannot be used
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigurationError(
                f"SENTINEL_WORKER_{str(first['loc'][0]).upper()} is not usable: {first['msg']}, "
                f"got {first['input']!r}",
                hint="Correct it in the environment or in .env.",
            ) from None
