"""The HTTP door: a FastAPI application and the server that runs it.

`create_app` makes the application, `main` serves it. One router per noun; what they share is
in `access` (who may), `problems` (the one error shape), `limits` (sizes) and `shapes` (bodies).
"""

from sentinel.api.app import create_app
from sentinel.api.serve import main

__all__ = ["create_app", "main"]
