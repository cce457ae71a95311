"""Separation of duties: where it is switched on, and the changes that wait."""
