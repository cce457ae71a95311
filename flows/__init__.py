"""Thin Prefect flows: `rules` (one flow for each trigger), `notify`, `sweep`, `retention`."""

from sentinel.printable import clean_log_records

# Here, because a flow also runs in the workers of others, where nothing else of ours starts.
clean_log_records()
