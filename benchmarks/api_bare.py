"""A bare FastAPI route that answers with the bytes of the file `SENTINEL_BENCH_BYTES`."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI, Response

app = FastAPI(openapi_url=None)
_BYTES = Path(os.environ["SENTINEL_BENCH_BYTES"]).read_bytes()


@app.get("/bare")
async def bare() -> Response:
    """Answer from memory."""
    return Response(_BYTES, media_type="application/json")
