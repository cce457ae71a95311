"""Alerts in SQL: every change of an alert, and every query about alerts."""
