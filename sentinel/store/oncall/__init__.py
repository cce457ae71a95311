"""On-call in the shared database: versions of its document, and overrides."""
