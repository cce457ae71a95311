"""The audit trail in the shared database."""
