"""Settings of webhooks that mappings read, of mails, and of canaries at the doors."""

from __future__ import annotations

from pydantic import Field, SecretStr

from sentinel.errors import ConfigurationError
from sentinel.settings.secure import SecureSettings

__all__ = ["IntakeSettings", "secrets_of"]


class IntakeSettings(SecureSettings):
    """Where further mappings are, the secrets that vendors sign with, and which mails come."""

    mappings: str = Field(
        default="",
        description="Folder of mappings of your own (`*.yaml`), beside those that ship; it is "
        "read again when a file changes. One of the same name goes before the one that ships; "
        "empty means that there are none.",
    )
    mail_intake: str = Field(
        default="",
        description="File (YAML) of the addresses whose mails the API takes over SMTP as alerts; "
        "empty means that it takes none.",
    )
    mail_intake_host: str = Field(
        default="127.0.0.1",
        description="Where the API listens for mails. Without SENTINEL_MAIL_INTAKE_LOGIN, whoever "
        "reaches the port may send.",
    )
    mail_intake_port: int = Field(default=2525, ge=0, le=65_535, description="Port for mails.")
    mail_intake_login: SecretStr = Field(
        default=SecretStr(""),
        description="What senders of mails log in with, as USER:PASSWORD, after STARTTLS by the "
        "certificate of the API, which it needs; empty means that they need no login.",
    )
    intake_secrets: SecretStr = Field(
        default=SecretStr(""),
        description="Secrets with which vendors sign what they post, as "
        "`github=SECRET, sentry=SECRET`, by the name of the mapping; a signature is then required "
        "besides the API key; empty means that the key alone is.",
    )
    canary_key: SecretStr = Field(
        default=SecretStr(""),
        description="API key, of the role responder, with which canaries are posted at the doors "
        "by which other systems post alerts; empty means that no door is proved.",
    )
    canary_url: str = Field(
        default="",
        description="Address of the API to which they are posted, best the one that the other "
        "systems use: `https://sentinel.example`; empty means the API of this machine.",
    )


def secrets_of(given: SecretStr) -> dict[str, SecretStr]:
    """Return the secrets by the names of mappings.

    Args:
        given: SENTINEL_INTAKE_SECRETS

    Returns:
        A secret for each name.

    Raises:
        ConfigurationError: a part of it names no mapping or no secret; the message quotes nothing
    """
    found: dict[str, SecretStr] = {}
    for number, part in enumerate(given.get_secret_value().split(","), start=1):
        name, equals, secret = part.strip().partition("=")
        if not part.strip():
            continue
        if not equals or not name.strip() or not secret.strip():
            raise ConfigurationError(
                f"SENTINEL_INTAKE_SECRETS: part {number} is not of the form NAME=SECRET",
                hint="Write for example github=SECRET, sentry=SECRET.",
            )
        found[name.strip()] = SecretStr(secret.strip())
    return found
