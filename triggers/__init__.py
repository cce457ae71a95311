"""Kinds of check, one file each: plain functions that say what they see now.

A file dropped in here is found by itself (`sentinel.checks.catalog`), and `flows.rules.<name>` is
its flow.
"""
