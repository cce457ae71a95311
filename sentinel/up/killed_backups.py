"""Folders of backups that are being written, and those that a killed one left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PART", "PREFIX", "held", "remove_killed"]

PREFIX, PART = "sentinel-backup-", ".part-"
_YOUNG = 60.0
"""Seconds: a folder is made a moment before it is locked."""


@contextmanager
def held(part: Path) -> Generator[None]:
    """Lock a folder while it is written; the kernel lets go where the process is killed.

    Args:
        part: the folder

    Raises:
        OSError: it cannot be opened
    """
    descriptor = os.open(part, os.O_RDONLY)
    try:
        _locked(descriptor)
        yield
    finally:
        os.close(descriptor)


def remove_killed(folder: Path) -> list[Path]:
    """Remove the folders of backups that were killed while they were written.

    Args:
        folder: where backups are kept

    Returns:
        Those that were removed; one that is locked, or younger than a minute, stays.
    """
    gone: list[Path] = []
    for part in sorted(folder.glob(f"{PART}{PREFIX}*")):
        try:
            descriptor = os.open(part, os.O_RDONLY)
        except OSError:
            continue  # its own backup has just ended
        try:
            age = time.time() - os.fstat(descriptor).st_mtime
            if age > _YOUNG and _locked(descriptor):
                shutil.rmtree(part)
                gone.append(part)
        finally:
            os.close(descriptor)
    return gone


def _locked(descriptor: int) -> bool:
    """Lock a folder; False where another process has, or the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
