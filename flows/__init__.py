"""Thin Prefect flows: `rules` (one flow for each trigger), `notify`, `sweep`, `retention`."""
