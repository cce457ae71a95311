#!/usr/bin/env bash
# SQLAlchemy: the ColumnElement with inherit_cache = True that its documentation shows has no cache
# key, so that every statement with it is compiled anew, and nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check sqlalchemy==2.0.58
"$folder/venv/bin/python" -W error - <<'PY'
from importlib.metadata import version
from typing import Any

from sqlalchemy import TIMESTAMP, ColumnElement, FunctionElement, create_engine, event, select
from sqlalchemy.ext.compiler import compiles


class timestamp(ColumnElement):
    """As the page "Custom SQL Constructs and Compilation Extension" has it."""

    type = TIMESTAMP()
    inherit_cache = True


class moment(FunctionElement):
    """The same as a function."""

    type = TIMESTAMP()
    name = "moment"
    inherit_cache = True


compiled: list[str] = []


@compiles(timestamp)
@compiles(moment)
def _written(element: Any, _compiler: Any, **_: Any) -> str:
    compiled.append(type(element).__name__)
    return "CURRENT_TIMESTAMP"


seen: dict[str, list[str]] = {}
engine = create_engine("sqlite://")


@event.listens_for(engine, "before_cursor_execute")
def _noted(_link: Any, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:
    seen.setdefault(kind.__name__, []).append(context.cache_hit.name)


with engine.connect() as connection:
    for kind in (timestamp, moment):
        for _ in range(100):
            connection.execute(select(kind())).all()

print(f"SQLAlchemy {version('sqlalchemy')}")
print("Expected: a statement that is executed 100 times is compiled once.")
for name, hits in seen.items():
    print(f"Seen of {name}: compiled {compiled.count(name)} times, {sorted(set(hits))}")
if set(seen["timestamp"]) != {"NO_CACHE_KEY"} or compiled.count("moment") != 1:
    raise SystemExit("CHANGED: this is no longer what the library does")
PY
