"""Queries and changes of who may do what."""
