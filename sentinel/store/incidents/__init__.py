"""Incidents in the shared database."""
