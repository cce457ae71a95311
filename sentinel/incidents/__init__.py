"""Incidents: their lifecycle, policies, runbooks, figures and post-mortems. Pure decisions."""
