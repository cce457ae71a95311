"""The OpenAPI document of the API, made once for all processes: some tests are one for each route.

Every process of pytest-xdist collects every test, and would make the document for that. It is
kept in a file whose name is a hash of all that the document is made of.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sentinel.api import create_app
from sentinel.settings import Settings
from tests.api.served import TOKEN
from tests.prefect_server import ROOT

__all__ = ["document", "hashed", "kept"]

MAKERS = ("fastapi", "pydantic", "starlette")
"""Packages that a trial of other versions installs beside what the lock says."""


@cache
def document() -> dict[str, Any]:
    """The document, to read only."""
    versions = [f"{name} {version(name)}" for name in MAKERS]
    sources = [*(ROOT / "sentinel").rglob("*"), ROOT / "requirements.lock", Path(__file__)]
    return kept(
        ROOT / ".pytest_cache" / "openapi", hashed(sources, [sys.version, *versions]), _made
    )


def _made() -> dict[str, Any]:
    settings = Settings.model_validate({"api_token": TOKEN, "database_url": "sqlite://"})
    return create_app(settings, relay=False).openapi()


def hashed(sources: Iterable[Path], words: Iterable[str]) -> str:
    """A hash of the names and contents of files, what Python compiled left out, and of words."""
    found = hashlib.sha256()
    for path in sorted(sources):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            found.update(f"{path} {len(content)}\n".encode())
            found.update(content)
    found.update("\n".join(words).encode())
    return found.hexdigest()


def kept(folder: Path, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What an earlier process made of the same; else make it, while the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key}.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            for old in folder.glob("*.json*"):
                old.unlink()
            part = path.with_suffix(".json.part")
            part.write_text(json.dumps(make()))
            part.replace(path)
        return json.loads(path.read_text())
