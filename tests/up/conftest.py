"""What the tests of starting and stopping share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.fixture
def reachable() -> Generator[Path]:
    """A folder that every user may pass through: as root, PostgreSQL runs as another one.

    pytest's own temporary folders are closed to others.
    """
    folder = Path(tempfile.mkdtemp(prefix="sentinel-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
