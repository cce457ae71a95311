"""Prefect blocks: channels to people, credentials, data sources.

Prefect imports this package by its entry point (`prefect.collections`), so everything that is
a block type is imported here. Prefect's own blocks do the rest: `slack-webhook`, `pager-duty`
and the others are channels as they are (see `blocks.channels`).
"""

from blocks.mail import SentinelEmail
from blocks.webhook import SignedWebhook

__all__ = ["SentinelEmail", "SignedWebhook"]
