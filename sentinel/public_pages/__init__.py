"""The public pages: a web server of its own that answers links in messages and nothing else.

It is the only part of an instance that is meant to be exposed, so it imports neither the API nor
the dashboard, and knows nobody's login: what a request may do is in the link alone.
"""

from sentinel.public_pages.app import create_app
from sentinel.public_pages.serve import main

__all__ = ["create_app", "main"]
