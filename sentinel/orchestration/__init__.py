"""Orchestration of what comes in, before an alert exists: rules set, map, enrich, drop and hold."""
