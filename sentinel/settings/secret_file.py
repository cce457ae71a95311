"""Files that hold one secret, as containers have them."""

from __future__ import annotations

from pathlib import Path

from sentinel.errors import ConfigurationError

__all__ = ["read_secret_file"]

_LARGEST = 65_536


def read_secret_file(variable: str, path: Path) -> str:
    """Read the secret in a file.

    Args:
        variable: that names the file, for errors
        path: of the file

    Returns:
        Its text without space around it.

    Raises:
        ConfigurationError: it cannot be read, or holds no secret
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(
            f"{variable} names {path}, which cannot be read: {why}",
            hint="Name a file with the secret that this user may read.",
        ) from None
    if not text or len(text) > _LARGEST:
        raise ConfigurationError(
            f"{variable} names {path}, which is {'too large' if text else 'empty'}",
            hint="Write the secret alone into that file.",
        )
    return text
