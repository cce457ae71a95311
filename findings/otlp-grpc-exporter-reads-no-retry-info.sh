#!/usr/bin/env bash
# opentelemetry-python: the exporter of OTLP/gRPC overlooks RetryInfo where gRPC has details of errors.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-grpc==1.45.2 \
    grpcio==1.85.3 googleapis-common-protos==1.76.0
env -u OTEL_EXPORTER_OTLP_ENDPOINT -u OTEL_SDK_DISABLED "$folder/venv/bin/python" - <<'PY'
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
arrived = []


def seen(key):
    """How long the exporter waits where RetryInfo asks for three seconds, under a name of trailer."""
    arrived.clear()

    def export(body, context):
        arrived.append(time.monotonic())
        if len(arrived) > 1:
            return b""
        retry = RetryInfo()
        retry.retry_delay.seconds = 3
        status = Status(code=8, message="come again")
        status.details.add().Pack(retry)
        found = status if key == "grpc-status-details-bin" else retry
        context.set_trailing_metadata(((key, found.SerializeToString()),))
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "come again")

    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(export)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}", insecure=True)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("finding").start_span("work").end()
    provider.shutdown()
    server.stop(None)
    return arrived[1] - arrived[0]


details, other = seen("grpc-status-details-bin"), seen("google.rpc.retryinfo-bin")
print(f"opentelemetry-exporter-otlp-proto-grpc {version('opentelemetry-exporter-otlp-proto-grpc')}")
print("Expected: OTLP has the server send RetryInfo as a detail of the status, which gRPC carries "
      "in grpc-status-details-bin; the exporter waits the three seconds.")
print(f"Seen: it came again after {details:.1f} s; only with RetryInfo alone in "
      f"google.rpc.retryinfo-bin did it wait {other:.1f} s.")
if details > 2 or other < 2.9:
    raise SystemExit("CHANGED: this is no longer what the exporter does")
PY
