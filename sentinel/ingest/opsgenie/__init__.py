"""Opsgenie's alert API, version 2: its bodies, its answers and its query language. Pure.

After https://docs.opsgenie.com/docs/alert-api and https://docs.opsgenie.com/docs/alerts-search-query
(read on 2026-11-30), and the models of its Python client, opsgenie-sdk 2.1.5.
"""
