"""Secrets that are read from HashiCorp Vault: `vault:MOUNT/PATH#FIELD`, from a KV engine version 2.

The address and the token are Vault's own variables: VAULT_ADDR, VAULT_TOKEN or VAULT_TOKEN_FILE,
and where they are needed VAULT_NAMESPACE and VAULT_CACERT. A secret is read once a process and kept
for as long as it runs; the token is not renewed, since it is used at the start alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from sentinel.errors import ConfigurationError
from sentinel.settings.secret_file import read_secret_file

__all__ = ["SCHEME", "read_from_vault"]

SCHEME = "vault:"
TIMEOUT_SECONDS = 5.0
"""For the connection, and for each part of the answer."""
_REFERENCE = re.compile(r"vault:([^/#\s]+)/([^#\s]+)#([^#\s]+)")


def read_from_vault(variable: str, reference: str, given: Mapping[str, str | None]) -> str:
    """Read a secret.

    Args:
        variable: whose value the reference is, for errors
        reference: `vault:MOUNT/PATH#FIELD`
        given: the variables of the process, with those of Vault

    Returns:
        The value of the field.

    Raises:
        ConfigurationError: the reference cannot be read, hvac is not installed, Vault does not
            answer, is sealed or refuses, or there is no such secret or field; never with a secret
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:  # which is not repeated: it may be a secret that happens to begin so
        raise ConfigurationError(
            f"{variable} begins with vault: and names no secret of Vault",
            hint="Write vault:MOUNT/PATH#FIELD, such as vault:secret/sentinel#api_token. A secret "
            f"that begins so itself goes into a file: {variable}_FILE.",
        )
    mount, path, field = found.groups()
    address = given.get("VAULT_ADDR") or ""
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"{variable} is a secret of Vault, and VAULT_ADDR is no address",
            hint="Set VAULT_ADDR, such as https://vault.example.org:8200.",
        )
    token = _token(variable, given)
    more = (given.get("VAULT_NAMESPACE") or "", given.get("VAULT_CACERT") or "")
    try:
        data = _secret(address.rstrip("/"), token, *more, mount, path.strip("/"))
    except ConfigurationError as error:
        raise ConfigurationError(f"{variable}: {error.message}", hint=error.hint) from None
    if field not in data:
        raise ConfigurationError(
            f"{variable}: the secret {mount}/{path} of Vault has no field {field!r}",
            hint=f"It has: {', '.join(sorted(data)) or 'none'}.",
        )
    value = data[field]
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"{variable}: the field {field!r} of {mount}/{path} in Vault is no text, or empty",
            hint="Write the secret as a text into it.",
        )
    return value


def _token(variable: str, given: Mapping[str, str | None]) -> str:
    if token := given.get("VAULT_TOKEN"):
        return token
    if file := given.get("VAULT_TOKEN_FILE"):
        return read_secret_file("VAULT_TOKEN_FILE", Path(file))
    raise ConfigurationError(
        f"{variable} is a secret of Vault, and there is no token for it",
        hint="Set VAULT_TOKEN, or VAULT_TOKEN_FILE to the file that Vault's agent writes.",
    )


@lru_cache(maxsize=64)  # an error is not kept: the next try asks again
def _secret(
    address: str, token: str, namespace: str, ca: str, mount: str, path: str
) -> Mapping[str, object]:
    """Return the fields of a secret's latest version."""
    try:
        hvac: Any = import_module("hvac")
        requests: Any = import_module("requests")
    except ImportError:
        raise ConfigurationError(
            "a secret of Vault cannot be read, since hvac is not installed",
            hint="Install it: pip install 'sentinel-alerts[vault]'",
        ) from None
    where = f"Vault at {address}"
    client = hvac.Client(
        url=address, token=token, namespace=namespace or None, verify=ca or True,
        timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    try:
        answer: object = client.secrets.kv.v2.read_secret_version(
            path=path, mount_point=mount, raise_on_deleted_version=True
        )
    except requests.exceptions.SSLError:
        raise ConfigurationError(
            f"{where} has a certificate that is not trusted",
            hint="Set VAULT_CACERT to the file of the authority that signed it.",
        ) from None
    except requests.exceptions.Timeout:
        raise ConfigurationError(
            f"{where} does not answer within {TIMEOUT_SECONDS:.0f} s", hint="Is VAULT_ADDR right?"
        ) from None
    except (requests.exceptions.RequestException, OSError):
        raise ConfigurationError(
            f"{where} cannot be reached", hint="Does it run? Are VAULT_ADDR and VAULT_CACERT right?"
        ) from None
    except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized):
        raise ConfigurationError(
            f"{where} does not let the token read {mount}/{path}",
            hint=f"Has it expired? Its policy needs `read` on {mount}/data/{path}.",
        ) from None
    except hvac.exceptions.InvalidPath:
        raise ConfigurationError(
            f"{where} has no secret {mount}/{path}",
            hint=f"Is its latest version deleted? Is {mount} the mount of a KV engine version 2?",
        ) from None
    except (hvac.exceptions.VaultDown, hvac.exceptions.VaultNotInitialized):
        raise ConfigurationError(f"{where} is sealed or down", hint="Unseal it.") from None
    except hvac.exceptions.VaultError as error:
        raise ConfigurationError(
            f"{where} refused to read {mount}/{path} ({type(error).__name__})",
            hint="See Vault's log.",
        ) from None
    finally:
        client.adapter.close()
    return _fields(answer, where)


def _fields(answer: object, where: str) -> Mapping[str, object]:
    """Return `data.data` of an answer, as a KV engine version 2 has it."""
    for _ in range(2):
        answer = cast("dict[str, object]", answer).get("data") if isinstance(answer, dict) else None
    if not isinstance(answer, dict):
        raise ConfigurationError(
            f"{where} does not answer as a KV engine version 2",
            hint="Is VAULT_ADDR that of Vault, and the mount a KV engine version 2?",
        )
    return cast("dict[str, object]", answer)
