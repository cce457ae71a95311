"""Settings of the suite that an instance belongs to: whom it reports to, off unless set."""

from __future__ import annotations

from pydantic import Field, SecretStr

from sentinel.settings.secure import SecureSettings, given_secret

__all__ = ["SuiteSettings"]


def _hub() -> SecretStr:
    return SecretStr(given_secret("ENTERPRISE_HUB_URL"))


def _ninja() -> SecretStr:
    return SecretStr(given_secret("NINJA_URL"))


class SuiteSettings(SecureSettings):
    """Who is sent registration, health and errors of this instance."""

    enterprise_hub_url: SecretStr = Field(
        default_factory=_hub,
        description=(
            "Address of the suite's Enterprise Hub, such as https://hub.example.org: the relay "
            "registers there and sends its health. Left out, it is that of ENTERPRISE_HUB_URL; "
            "empty means none. A private address must be in SENTINEL_ALLOWED_NETWORKS."
        ),
    )
    ninja_url: SecretStr = Field(
        default_factory=_ninja,
        description=(
            "Address of the suite's Ninja, such as https://ninja.example.org: the relay registers "
            "there and sends an error for each component that goes wrong. Left out, it is that of "
            "NINJA_URL; empty means none. A private address must be in SENTINEL_ALLOWED_NETWORKS."
        ),
    )

    @property
    def in_suite(self) -> bool:
        """Return whether this instance reports to anybody."""
        return any(one.get_secret_value() for one in (self.enterprise_hub_url, self.ninja_url))
