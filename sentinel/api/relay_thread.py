"""The relay beside the API: a thread of this process that holds the lease or waits for it."""

from __future__ import annotations

import logging
import threading

from sentinel.settings import Settings
from sentinel.store import Store

__all__ = ["RelayThread"]

_log = logging.getLogger("sentinel.api")
STOP_WITHIN = 5.0


class RelayThread:
    """Runs the relay until told to stop.

    Args:
        store: the shared database
        settings: how the relay reaches Prefect and how long it waits
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin; it is ready when it is, and the API does not wait for it."""
        self._thread.start()

    def stop(self) -> None:
        """Let it finish its turn and give the lease back."""
        self._stop.set()
        self._thread.join(STOP_WITHIN)

    def _run(self) -> None:
        try:
            # Imported here: the blocks behind the relay's channels take seconds to import.
            from sentinel.relay.run import relay_of

            relay_of(self._store, self._settings).run(self._stop)
        except Exception:  # noqa: BLE001 - the edge of the thread
            _log.exception("the relay beside the API ended; run `sentinel relay` on its own")
