"""The bearer token of an instance: an admin of all tenants, for the machine that runs it."""

from __future__ import annotations

import ipaddress
import os
import secrets
from pathlib import Path

from sentinel.errors import ConfigurationError
from sentinel.settings import Settings

__all__ = ["check_bind", "configured_login_key", "is_loopback", "login_key", "token"]

TOKEN_FILE = "api-token"  # noqa: S105 - the name of the file, not a token
LOGIN_KEY_FILE = "login-key"
SHORTEST_KEY = 32


def token(settings: Settings) -> str:
    """Return the bearer token: the configured one, else the one in a file under home.

    The file is created with a random token if it does not exist.

    Args:
        settings: the settings of the process

    Returns:
        The token.

    Raises:
        ConfigurationError: the file cannot be read or written
    """
    given = settings.api_token.get_secret_value().strip()
    if given:
        return given
    return _kept(settings, TOKEN_FILE, "the API token", "SENTINEL_API_TOKEN")


def login_key(settings: Settings) -> str:
    """Return the key that signs login tokens: the configured one, else that of a file under home.

    Args:
        settings: the settings of the process

    Returns:
        At least 32 characters.

    Raises:
        ConfigurationError: the configured one is too short, or the file cannot be read or written
    """
    given = configured_login_key(settings)
    return given or _kept(settings, LOGIN_KEY_FILE, "the key of logins", "SENTINEL_LOGIN_KEY")


def configured_login_key(settings: Settings) -> str:
    """Return SENTINEL_LOGIN_KEY; empty where the key is that of the file under home.

    Args:
        settings: the settings of the process

    Returns:
        At least 32 characters, or none.

    Raises:
        ConfigurationError: it is too short
    """
    given = settings.login_key.get_secret_value().strip()
    if given and len(given) < SHORTEST_KEY:
        raise ConfigurationError(
            f"SENTINEL_LOGIN_KEY has {len(given)} characters",
            hint=f"Use at least {SHORTEST_KEY} that nobody can guess: openssl rand -base64 32",
        )
    return given


def _kept(settings: Settings, name: str, what: str, variable: str) -> str:
    path = settings.resolved_home() / name
    try:
        return _read(path) or _make(path)
    except OSError as error:
        raise ConfigurationError(
            f"{what} cannot be stored in {path}: {error.strerror}",
            hint=f"Set {variable}, or SENTINEL_HOME to a writable folder.",
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def _make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(32)
    # Written completely under another name first, so that two processes that start at once both
    # read the same token.
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(made + "\n")
        try:
            os.link(own, path)
        except FileExistsError:
            # An empty file holds no token.
            if not _read(path):
                own.replace(path)
    finally:
        own.unlink(missing_ok=True)
    return _read(path)


def is_loopback(host: str) -> bool:
    """Return whether `host` is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bind(settings: Settings) -> None:
    """Refuse to listen for other machines without a configured token.

    Raises:
        ConfigurationError: the host is not loopback and no token is set
    """
    if is_loopback(settings.host) or settings.api_token.get_secret_value().strip():
        return
    raise ConfigurationError(
        f"the API will not listen on {settings.host} for other machines without a token",
        hint="Set SENTINEL_API_TOKEN to a long secret, or SENTINEL_HOST to 127.0.0.1.",
    )
