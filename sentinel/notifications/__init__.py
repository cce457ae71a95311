"""Notifications: grouping, decisions, messages, and the port that channels implement. Pure."""
