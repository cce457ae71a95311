"""Metrics in SQL: samples, windows, and roll-up by minute and hour."""
