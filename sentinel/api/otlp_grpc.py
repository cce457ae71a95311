"""OTLP over gRPC, where the settings name a port: another door to the routes of OTLP over HTTP.

A call becomes a request for `/v1/logs`, `/v1/traces` or `/v1/metrics` within this process, so that
keys, tenants, limits, the queue and the answers are those of HTTP; its status becomes one of gRPC:
https://opentelemetry.io/docs/specs/otlp/#otlpgrpc
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import orjson
from cryptography.hazmat.primitives import serialization
from fastapi import FastAPI

from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.telemetry.bounds import MOST_UNPACKED
from sentinel.telemetry.otlp_body import Signal

__all__ = ["GrpcStandby", "OtlpGrpc", "otlp_grpc_of", "tls_of"]

log = logging.getLogger(__name__)

_SERVICES: Mapping[str, Signal] = {
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
}
_CODES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED",
    413: "INVALID_ARGUMENT", 422: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}  # fmt: skip
"""Codes of gRPC for statuses of HTTP. A request that is too large is an invalid argument, since
exporters send it again after RESOURCE_EXHAUSTED."""
_PASSED = ("authorization", "x-sentinel-user")
_TENANT = "sentinel-tenant"
_STREAMS = 16
"""Calls that one connection has at once: each holds its message in memory."""
_CLOSING_SECONDS = 5.0
_AGAIN_SECONDS = 10.0
"""After which a process whose port another one has tries to listen again."""
_PROTOBUF = "application/x-protobuf"


class OtlpGrpc:
    """Listens between `start` and `close`; both are called on the event loop.

    Args:
        app: that answers the requests
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._server: Any = None

    async def start(self, host: str, port: int, tls: tuple[bytes, bytes] | None = None) -> int:
        """Listen.

        Args:
            host: the address
            port: 0 for a free one
            tls: key and certificates in PEM; None to listen without TLS

        Returns:
            The port.

        Raises:
            OSError: the port is taken
            ModuleNotFoundError: grpcio is not installed
        """
        grpc: Any = import_module("grpc")
        aio: Any = import_module("grpc.aio")
        # Two installations of one machine must not share a port unawares.
        options = [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MOST_UNPACKED),
            ("grpc.max_concurrent_streams", _STREAMS),
        ]
        packed = grpc.Compression.NoCompression
        server = aio.server(options=options, compression=packed)
        server.add_generic_rpc_handlers([
            grpc.method_handlers_generic_handler(
                service, {"Export": grpc.unary_unary_rpc_method_handler(self._door(signal))}
            )
            for service, signal in _SERVICES.items()
        ])  # fmt: skip
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if tls is None:
                bound = server.add_insecure_port(address)
            else:
                bound = server.add_secure_port(address, grpc.ssl_server_credentials([tls]))
        except RuntimeError as error:
            raise OSError(str(error)) from None
        await server.start()
        self._server = server
        log.info("OTLP is taken over gRPC at %s:%d", host, bound)
        return int(bound)

    async def close(self) -> None:
        """Listen no more; calls that are answered within some seconds are answered."""
        if self._server is not None:
            await self._server.stop(_CLOSING_SECONDS)

    def _door(self, signal: Signal) -> Any:
        async def export(body: bytes, context: Any) -> bytes:
            # grpcio has no types; metadata is pairs of a name and a text, or bytes for `-bin`.
            given = {str(name).lower(): value for name, value in context.invocation_metadata()}
            answer = await self._asked(signal, body, given, _client_of(context.peer()))
            if answer.status_code == 200:
                return answer.content
            return await _refuse(context, answer)

        return export

    async def _asked(
        self, signal: Signal, body: bytes, given: Mapping[str, Any], client: tuple[str, int]
    ) -> httpx.Response:
        headers = {name: given[name] for name in _PASSED if isinstance(given.get(name), str)}
        headers["Content-Type"] = _PROTOBUF
        asked = {"tenant": str(given[_TENANT])} if _TENANT in given else None
        calls = httpx.ASGITransport(self._app, raise_app_exceptions=False, client=client)
        async with httpx.AsyncClient(transport=calls, base_url="http://127.0.0.1") as http:
            return await http.post(f"/v1/{signal}", content=body, headers=headers, params=asked)


async def _refuse(context: Any, answer: httpx.Response) -> bytes:
    """End a call with the code that an answer of HTTP means; raises what gRPC ends it with."""
    code = getattr(import_module("grpc").StatusCode, _CODES.get(answer.status_code, "INTERNAL"))
    message = _message_of(answer)
    after = answer.headers.get("Retry-After", "")
    trailing: Sequence[tuple[str, bytes]] = ()
    if after.isdecimal():
        details: Any = import_module("google.rpc.error_details_pb2")
        status: Any = import_module("google.rpc.status_pb2").Status()
        retry = details.RetryInfo()
        retry.retry_delay.seconds = int(after)
        status.code, status.message = code.value[0], message
        status.details.add().Pack(retry)
        trailing = (
            ("grpc-status-details-bin", status.SerializeToString()),
            # Where the exporter of the Python SDK looks for it, and nowhere else.
            ("google.rpc.retryinfo-bin", retry.SerializeToString()),
        )
    await context.abort(code, message, trailing)
    raise AssertionError("abort returned")


def _message_of(answer: httpx.Response) -> str:
    """Return what an answer says: a `google.rpc.Status`, or an error of the API."""
    if answer.headers.get("Content-Type", "").startswith(_PROTOBUF):
        status: Any = import_module("google.rpc.status_pb2").Status.FromString(answer.content)
        return str(status.message)
    try:
        return str(orjson.loads(answer.content)["error"]["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"the API answered {answer.status_code}"


def _client_of(peer: str) -> tuple[str, int]:
    """Return address and port of a peer such as `ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000`."""
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    return host.strip("[]"), int(port) if port.isdecimal() else 0


def _try_port(host: str, port: int) -> None:
    family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, number) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(address)


class GrpcStandby:
    """Waits for the port that another process of the API has, and takes it when that one ends.

    Args:
        server: that shall listen
        host: the address
        port: of the other process, too
        tls: as `OtlpGrpc.start` takes it
    """

    def __init__(
        self, server: OtlpGrpc, host: str, port: int, tls: tuple[bytes, bytes] | None
    ) -> None:
        self._server = server
        self._task = asyncio.create_task(self._listen(host, port, tls))

    async def _listen(self, host: str, port: int, tls: tuple[bytes, bytes] | None) -> None:
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            try:
                # gRPC keeps memory of each server that could not listen, and prints why.
                _try_port(host, port)
                await self._server.start(host, port, tls)
                return
            except OSError as error:
                log.debug("OTLP over gRPC still cannot be taken at port %d: %s", port, error)

    async def close(self) -> None:
        """Wait no more, and listen no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._server.close()


async def otlp_grpc_of(app: FastAPI, settings: Settings) -> OtlpGrpc | GrpcStandby | None:
    """Listen for OTLP over gRPC, where the settings name a port.

    Args:
        app: that answers
        settings: that name host, port and certificate

    Returns:
        The server, to be closed, or what waits for the port where it is taken, as by another
        process of the API; None where it is not asked for.

    Raises:
        ConfigurationError: grpcio is not installed, or the certificate cannot be used
    """
    if not settings.otlp_grpc_port:
        return None
    tls = tls_of(settings)
    host, port = settings.otlp_grpc_host, settings.otlp_grpc_port
    server = OtlpGrpc(app)
    try:
        await server.start(host, port, tls)
    except ModuleNotFoundError:
        raise ConfigurationError(
            "SENTINEL_OTLP_GRPC_PORT is set, and the libraries of gRPC are not installed",
            hint="Install the extra `grpc`, or send OTLP over HTTP, which needs none.",
        ) from None
    except OSError as error:
        log.warning(
            "OTLP over gRPC cannot be taken at port %d, trying again until it can: %s", port, error
        )
        return GrpcStandby(server, host, port, tls)
    return server


def tls_of(settings: Settings) -> tuple[bytes, bytes] | None:
    """Return key and certificates in PEM; gRPC takes no key with a password.

    Returns:
        Both as bytes; None without a certificate in the settings.

    Raises:
        ConfigurationError: the certificate or its key cannot be used
    """
    certificate = settings.tls_certificate
    if certificate is None:
        return None
    password = settings.tls_key_password.get_secret_value()
    try:
        whole = certificate.read_bytes()
        key = Path(settings.tls_key or certificate).read_bytes()
        if password:
            loaded = serialization.load_pem_private_key(key, password.encode())
            key = loaded.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"the certificate {certificate} cannot be used for gRPC: {error}",
            hint="See SENTINEL_TLS_CERTIFICATE, SENTINEL_TLS_KEY and SENTINEL_TLS_KEY_PASSWORD.",
        ) from None
    return key, whole
