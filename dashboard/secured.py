"""What `streamlit run` does, by TLS as the API speaks it.

    python -m dashboard.secured run dashboard/app.py --server.sslCertFile … --server.sslKeyFile …

Streamlit hands its certificate and key to uvicorn and nothing else: a key with a password is asked
for at the terminal, and versions and cipher suites are those of the machine. Here uvicorn gets the
options of the API instead.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

from sentinel.errors import SentinelError
from sentinel.printable import printable
from sentinel.settings import settings
from sentinel.settings.tls import tls_options

__all__ = ["SecuredConfig", "main"]


class SecuredConfig(uvicorn.Config):
    """The configuration of Streamlit's server, with the TLS of the settings."""

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **{**options, **tls_options(settings())})


def main() -> int:
    """Run Streamlit's command line with the arguments of this process.

    Returns:
        The exit code: 2 where the certificate cannot be used.
    """
    try:
        tls_options(settings())
    except SentinelError as error:
        sys.stderr.write(printable(f"sentinel: {error}\n"))
        return 2
    from streamlit.web.cli import main as streamlit

    uvicorn.Config = SecuredConfig  # pyright: ignore[reportPrivateImportUsage] - where Streamlit looks it up
    sys.argv = ["streamlit", *sys.argv[1:]]
    streamlit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
