#!/usr/bin/env bash
# pytest 9.1.1 with pytest-xdist 3.8.0: a mark xdist_group that a conftest.py adds while tests are
# collected groups nothing, since xdist reads the marks before that hook runs. Tests that share what
# only one process may have are spread over all, unsaid. With tryfirst=True the hook runs before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pytest==9.1.1 pytest-xdist==3.8.0

cat >test_shared.py <<'PY'
import pytest

@pytest.mark.parametrize("number", range(4))
def test_shares_one_server(number):
    pass
PY

grouped() { # the decorator of the hook
  cat >conftest.py <<PY
import pytest

$1
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xdist_group("server"))
PY
  venv/bin/python -m pytest -p no:cacheprovider -n 2 --dist loadgroup -v 2>&1 | grep -c '@server' || true
}

plain=$(grouped "")
first=$(grouped "@pytest.hookimpl(tryfirst=True)")
echo "pytest 9.1.1, pytest-xdist 3.8.0: four tests get the group 'server' in pytest_collection_modifyitems."
echo "expected: four names with @server. Seen: $plain lines with the hook as it is, $first with tryfirst=True."
[ "$plain" = 0 ] && [ "$first" -ge 4 ]
