"""Checks: triggers, the readings they yield, and the runner that calls them."""
