"""The logs of libraries in commands that end: their lines would follow the command's answer."""

from __future__ import annotations

import logging
import os

__all__ = ["quiet_libraries"]

_SERVICES = ("EventsWorker", "APILogWorker")
"""Threads of Prefect that say at the end of a process what they have not sent yet."""


def quiet_libraries() -> None:
    """Keep Prefect's services from logging in this process; a failure of a call is still raised."""
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")
    for name in _SERVICES:
        logging.getLogger(name).setLevel(logging.CRITICAL)
