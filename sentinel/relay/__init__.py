"""The relay: a small loop that runs in one process at a time and needs no Prefect server.

It publishes the outbox, sends postponed wakes, matches events, and stands by: it sends
notifications that are due and that no worker has claimed for a while.
"""

from sentinel.relay.loop import Relay
from sentinel.relay.run import main

__all__ = ["Relay", "main"]
