"""Logs, spans and metrics as their senders write them, turned into columns. Pure."""
