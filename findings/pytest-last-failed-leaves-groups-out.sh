#!/usr/bin/env bash
# pytest-xdist: --last-failed runs no test again that failed in a group of --dist loadgroup.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check pytest==9.1.1 pytest-xdist==3.8.0
cat > "$folder/test_two.py" <<'PY'
import pytest


def test_alone():
    raise AssertionError


@pytest.mark.xdist_group("server")
def test_in_a_group():
    raise AssertionError
PY
cd "$folder"
run() { venv/bin/python -m pytest -q -n 1 --dist loadgroup "$@" 2>&1 | tail -n 1 || true; }
first=$(run)
again=$(run --last-failed)
printf 'pytest 9.1.1, pytest-xdist 3.8.0; two tests that fail, one of them in a group\n'
printf 'Expected: --last-failed runs both again.\n'
printf 'Seen, first run: %s\nSeen, --last-failed: %s\n' "$first" "$again"
printf 'The test in the group is stored as test_in_a_group@server, a name that no test has while they are collected.\n'
case "$first / $again" in
  *"2 failed"*" / "*"1 failed"*) ;;
  *) echo "CHANGED: this is no longer what --last-failed runs" && exit 1 ;;
esac
