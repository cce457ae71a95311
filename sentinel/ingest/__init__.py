"""Payloads of other systems, turned into Sentinel's readings and samples. Pure."""
