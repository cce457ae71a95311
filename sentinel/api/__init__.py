"""The HTTP API: a FastAPI application and the server that runs it.

`create_app` builds the application, `main` serves it. Each resource has its own router. They share
`access` (authentication), `problems` (the error format), `limits` (request sizes) and `schemas`
(request and response bodies).
"""

from sentinel.api.app import create_app
from sentinel.api.serve import main

__all__ = ["create_app", "main"]
