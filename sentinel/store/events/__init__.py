"""Events in SQL: the durable log, and matching it against packs of event policies."""
