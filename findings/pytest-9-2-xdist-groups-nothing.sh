#!/usr/bin/env bash
# pytest 9.2 with pytest-xdist 3.8: `--dist loadgroup` keeps no group together, and says nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/test_group.py" <<'PY'
import os
import time
from pathlib import Path

import pytest


@pytest.mark.xdist_group("one server")
@pytest.mark.parametrize("number", range(8))
def test_shares_a_server(number):
    time.sleep(0.2)
    with Path(__file__).with_name("workers.txt").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\n")
PY
workers_under() {
    "$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0
    rm -f "$folder/workers.txt"
    (cd "$folder" && venv/bin/python -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup -W error \
        test_group.py > "$1.txt" 2>&1) || { cat "$folder/$1.txt"; return 1; }
    sort -u "$folder/workers.txt" | wc -l | tr -d ' '
}
before=$(workers_under 9.1.1)
after=$(workers_under 9.2.0)
echo "pytest 9.1.1 and 9.2.0, both with pytest-xdist 3.8.0, two workers, --dist loadgroup"
echo "Expected: eight tests of one xdist_group run in one worker."
echo "Seen: $before worker under 9.1.1, $after workers under 9.2.0; both end as:"
tail -n 1 "$folder/9.1.1.txt" "$folder/9.2.0.txt"
if [ "$before" != 1 ] || [ "$after" != 2 ]; then
    echo "CHANGED: pytest 9.2.0 groups again, or 9.1.1 no longer does"
    exit 1
fi
