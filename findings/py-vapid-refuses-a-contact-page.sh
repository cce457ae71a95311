#!/usr/bin/env bash
# py-vapid: a contact that is the address of a page, such as https://example.org/contact, is refused
# as missing, though RFC 8292 takes any https address as the subject of a token of Web Push.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check py-vapid==1.9.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from py_vapid import Vapid02, VapidException

key = Vapid02()
key.generate_keys()


def outcome(contact: str) -> str:
    try:
        key.sign({"sub": contact, "aud": "https://push.example.org"})
    except VapidException as error:
        return f"refused: {error}"
    return "signed"


signed = ("mailto:ops@example.org", "https://example.org")
refused = ("https://example.org/contact", "https://example.org:8443", "mailto:ops@mail")
print(f"py-vapid {version('py-vapid')}")
print("Expected: each is signed, since RFC 8292, 2.1 asks for a mailto: or https: URI, no more.")
for contact in (*signed, *refused):
    print(f"Seen: {contact} is {outcome(contact)}")
if [outcome(one) for one in signed] != ["signed"] * 2:
    raise SystemExit("CHANGED: what was signed is refused")
if not all(outcome(one).startswith("refused: Missing 'sub' from claims.") for one in refused):
    raise SystemExit("CHANGED: what was refused is signed, or for another reason")
PY
