"""The schema's history: Alembic runs the revisions in `versions/`."""
