"""How long logs and spans are kept, by tenant."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.settings import Settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_tenant_may_have_lengths_of_its_own() -> None:
    settings = Settings(
        keep_logs=30 * DAY, keep_telemetry_of=" acme=7d, beta=logs:12h,gamma=spans:2d "
    )
    assert settings.telemetry_kept("logs") == (30 * DAY, {"acme": 7 * DAY, "beta": 12 * HOUR})
    assert settings.telemetry_kept("spans") == (14 * DAY, {"acme": 7 * DAY, "gamma": 2 * DAY})


@pytest.mark.parametrize("text", ["acme", "acme=metrics:7d", "acme=1m", "Acme=7d", "acme=later"])
def test_a_length_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's, of whatever was wrong
        Settings(keep_telemetry_of=text)
