"""Requests about personal data, made once for both kinds of client.

```python
from sentinel.client import Client, personal_data

with Client() as sentinel:
    found = sentinel.do(personal_data.export("maria"))
    sentinel.do(personal_data.erase("maria"))
```
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["PersonErased", "PersonalData", "erase", "export"]


class PersonalData(BaseModel):
    """What is stored under a person's name: rows by table."""

    name: str
    tables: dict[str, list[dict[str, Any]]]


class PersonErased(BaseModel):
    """A name that was erased, and the pseudonym that rows have instead."""

    erased: str
    pseudonym: str


def export(name: str) -> Call[PersonalData]:
    """Return the request for all that is stored under a person's name."""
    return Call(PersonalData, "POST", f"{BASE}/people/export", body={"name": name})


def erase(name: str) -> Call[PersonErased]:
    """Return the request that replaces a person's name by a pseudonym; it cannot be undone."""
    return Call(PersonErased, "POST", f"{BASE}/people/erase", body={"name": name})
