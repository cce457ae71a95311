"""Files that only one user may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["write_private"]


def write_private(path: Path, content: str) -> None:
    """Write a file that only this user may read, at no moment half written.

    Args:
        path: where to
        content: the whole text
    """
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    own.replace(path)
