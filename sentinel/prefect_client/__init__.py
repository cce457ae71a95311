"""Prefect's HTTP API behind one port, with no import of Prefect."""
