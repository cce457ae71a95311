"""The entry of the system log that says that this instance has started."""

from __future__ import annotations

import getpass
import logging
import socket
from importlib import metadata

from sqlalchemy.exc import SQLAlchemyError

from sentinel.store import Store

__all__ = ["log_start"]

_log = logging.getLogger(__name__)


def log_start(database_url: str) -> None:
    """Write that Sentinel has started, in which version and by whom.

    Args:
        database_url: of the shared database
    """
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as containers have
        who = ""
    version, host = metadata.version("sentinel-alerts"), socket.gethostname()
    store = Store(database_url)
    try:
        store.log.write(
            "info",
            "instance.started",
            f"Sentinel {version} started on {host}",
            {"actor": who, "prefect": metadata.version("prefect")},
        )
    except SQLAlchemyError as error:
        _log.warning("the system log does not have this start: %s", error)
    finally:
        store.close()
