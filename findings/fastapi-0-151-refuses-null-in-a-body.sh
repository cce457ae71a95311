#!/usr/bin/env bash
# FastAPI 0.151: a field of the body that is null no longer takes its default but is an error; this
# is why `prefect deploy` of Prefect 3.8.8, which allows that FastAPI, ends with 422.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/ask.py" <<'PY'
from fastapi import Body, FastAPI
from fastapi.testclient import TestClient

app = FastAPI()


@app.post("/filter")
def rows(limit: int = Body(200), offset: int = Body(0)) -> dict[str, int]:
    return {"limit": limit, "offset": offset}


answer = TestClient(app).post("/filter", json={"limit": None, "offset": None})
said = answer.json() if answer.is_success else answer.json()["detail"][0]["type"]
print(answer.status_code, said)
PY
asked_of() {
    "$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
        "fastapi==$1" starlette==1.10.0 pydantic==2.14.3 httpx==0.28.1
    "$folder/venv/bin/python" -W ignore "$folder/ask.py"
}
old=$(asked_of 0.150.0)
new=$(asked_of 0.151.0)
echo "FastAPI 0.150.0 and 0.151.0, asked with {\"limit\": null, \"offset\": null} for whole numbers"
echo "that have defaults"
echo "Expected: a release that changes the last number but one answers as the one before."
echo "Seen: $old with 0.150.0"
echo "      $new with 0.151.0"
if [ "$old" != "200 {'limit': 200, 'offset': 0}" ] || [ "$new" != "422 int_type" ]; then
    echo "CHANGED: this is no longer what these versions answer"
    exit 1
fi
