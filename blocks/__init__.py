"""Prefect blocks that Sentinel defines: notification channels.

Prefect imports this package by its entry point (`prefect.collections`), so every block type is
imported here. Prefect's own notification blocks, such as `slack-webhook` and `pager-duty`, are
channels too (see `blocks.channels`).
"""

from blocks.mail import SentinelEmail
from blocks.webhook import SignedWebhook

__all__ = ["SentinelEmail", "SignedWebhook"]
