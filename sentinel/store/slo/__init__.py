"""SLOs in the shared database."""
