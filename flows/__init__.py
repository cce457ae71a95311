"""Prefect flows, thin: `rules` (a flow for every trigger), `notify`, `sweep`, `retention`."""
