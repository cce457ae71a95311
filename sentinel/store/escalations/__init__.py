"""Escalations in SQL: opened with groups, claimed when due, and the pages of their steps."""
