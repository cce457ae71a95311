"""The relay in the API's process: a thread that holds the relay's lease or waits for it."""

from __future__ import annotations

import logging
import threading

from sentinel.settings import Settings
from sentinel.store import Store

__all__ = ["RelayThread"]

_log = logging.getLogger("sentinel.api")
STOP_WITHIN = 5.0


class RelayThread:
    """Runs the relay in a thread until it is stopped.

    Args:
        store: the shared database
        settings: the address of Prefect, and how long the relay waits
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Start the thread; the API does not wait until the relay is ready."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the present pass, and release the lease."""
        self._stop.set()
        self._thread.join(STOP_WITHIN)

    def _run(self) -> None:
        try:
            # Imported here: the blocks behind the relay's channels take seconds to import.
            from sentinel.relay.run import relay_of

            relay_of(self._store, self._settings).run(self._stop)
        except Exception:  # noqa: BLE001 - the edge of the thread
            _log.exception("the relay in the API's process failed; run `sentinel relay` separately")
