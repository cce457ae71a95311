"""Notifications in SQL: groups, deliveries, receivers, the outbox and wakes."""
