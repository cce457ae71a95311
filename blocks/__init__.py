"""Prefect blocks that Sentinel defines: notification channels.

Prefect imports this package by its entry point (`prefect.collections`) and registers the blocks
that it finds in it, so every block type is imported here; those of `blocks.vendors` without being
named. Prefect's own notification blocks, such as `slack-webhook`, are channels too (see
`blocks.channels`).
"""

from blocks.mail import SentinelEmail
from blocks.vendors import VENDORS
from blocks.webhook import SignedWebhook

__all__ = ["VENDORS", "SentinelEmail", "SignedWebhook"]

globals().update({one.__name__: one for one in VENDORS.values()})
