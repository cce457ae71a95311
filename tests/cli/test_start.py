"""The command line starts at once: a command imports what it needs when it runs."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("sqlalchemy", "sqlmodel", "psycopg", "prefect", "fastapi", "streamlit", "pandas", "httpx")


def test_no_database_and_no_server_is_imported_before_a_command_runs():
    code = f"import sys, sentinel.cli; print([one for one in {HEAVY} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
