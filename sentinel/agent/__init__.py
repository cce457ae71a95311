"""The agent: a small process for hosts without a worker, which sends what happens there over HTTP.

Host metrics, lines of files and messages of syslog go through a buffer on disk; heartbeats do not,
since one that comes late would say what is no longer true. It imports neither Prefect nor a web
framework.
"""
