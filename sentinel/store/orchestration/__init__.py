"""Orchestration in the shared database: its versions, its tables, and what came in."""
