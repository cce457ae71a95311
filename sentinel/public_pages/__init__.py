"""The public pages: a web server of its own for links in messages, feeds and status pages.

It is the only part of an instance that is meant to be exposed, so it imports neither the API nor
the dashboard, and knows no login of a person: what a request may do is in the link alone. Consumers
of an API log in here and manage their own keys, with accounts that open nothing else.
"""

from sentinel.public_pages.app import create_app
from sentinel.public_pages.serve import main

__all__ = ["create_app", "main"]
