"""Settings of a worker: environment variables that begin with `SENTINEL_WORKER_`."""

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
    """The settings of a worker."""

    model_config = SettingsConfigDict(
        env_prefix="SENTINEL_WORKER_", env_file=".env", extra="ignore", frozen=True
    )

    poll: Duration = Field(
        default=parse_duration(0.5),
        description="Interval of polls of the first work queue, that of notifications.",
    )
    poll_others: Duration = Field(
        default=parse_duration(2),
        description="Interval of polls of all queues; scheduled runs are known in advance.",
    )
    ahead: Duration = Field(
        default=parse_duration(0.8),
        description="A run is claimed this long before it is due, so that it starts on time.",
    )
    limit: int = Field(
        default_factory=_limit,
        ge=1,
        le=1000,
        description="Largest number of concurrent runs, each in a child process; same as --limit.",
    )
    notification_limit: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Largest number of concurrent runs of the first work queue, that of "
        "notifications: places of their own, beside SENTINEL_WORKER_LIMIT.",
    )
    warm: int = Field(default=2, ge=1, le=100, description="Number of idle child processes.")
    loop_limit: int = Field(
        default=50, ge=1, le=1000, description="Largest number of asynchronous runs in one child."
    )
    runs_per_child: int = Field(
        default=2000, ge=1, description="A child process is replaced after this many runs."
    )
    memory_per_child: int = Field(
        default=512,
        ge=64,
        description="Memory in MB at which a child process is replaced; at twice that, killed.",
    )
    timeout: Duration = Field(
        default=parse_duration("1h"),
        description="Timeout of flow runs that are not of a rule. Rules have their own `timeout`.",
    )
    grace: Duration = Field(
        default=parse_duration("15s"),
        description="Time after a rule's timeout at which its child process is killed.",
    )
    drain: Duration = Field(
        default=parse_duration("30s"),
        description="Time that active runs have to end after SIGTERM.",
    )
    log_level: str = Field(
        default="INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL|OFF)$",
        description="Lowest level of flow run logs that is sent to the Prefect API; or OFF.",
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port of the metrics on this machine; 0 for any free port.",
    )

    @classmethod
    def given(cls) -> Options:
        """Read the settings from the environment and `.env`.

        Returns:
            The settings.

        Raises:
            ConfigurationError: a setting is invalid
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigurationError(
                f"SENTINEL_WORKER_{str(first['loc'][0]).upper()} is invalid: {first['msg']}, "
                f"got {first['input']!r}",
                hint="Correct it in the environment or in .env.",
            ) from None
