"""The relay: a small loop, held by one process at a time, that needs no Prefect server.

It publishes the outbox, sends wakes that were postponed, and stands by: what is due and was
claimed by nobody for a while it tells itself.
"""

from sentinel.relay.loop import Relay
from sentinel.relay.run import main

__all__ = ["Relay", "main"]
