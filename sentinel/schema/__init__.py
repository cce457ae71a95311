"""Every table of the shared database."""
