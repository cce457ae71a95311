"""Which alerts belong together, why, and what changed before them. Pure."""
