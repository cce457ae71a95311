#!/usr/bin/env bash
# opentelemetry-python: an exporter whose spans were rejected reports success and logs nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-proto==1.45.2
env -u OTEL_EXPORTER_OTLP_ENDPOINT -u OTEL_SDK_DISABLED "$folder/venv/bin/python" - <<'PY'
import io
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

logged = io.StringIO()
logging.basicConfig(stream=logged, level=logging.INFO)

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

received, results = [], []


class Collector(BaseHTTPRequestHandler):
    """Accepts no span, and says so in the way of the protocol."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        spans = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
        received.extend(span.name for span in spans)
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = len(spans)
        answer.partial_success.error_message = "older than the retention"
        written = answer.SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *_):
        pass


class Watched(OTLPSpanExporter):
    def export(self, spans):
        result = super().export(spans)
        results.append(result.name)
        return result


server = HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
provider = TracerProvider()
url = f"http://127.0.0.1:{server.server_port}/v1/traces"
provider.add_span_processor(SimpleSpanProcessor(Watched(endpoint=url)))
provider.get_tracer("finding").start_span("work").end()
provider.shutdown()
server.shutdown()

said = logged.getvalue().strip()
print(f"opentelemetry-exporter-otlp-proto-http {version('opentelemetry-exporter-otlp-proto-http')}")
print("Expected: a client logs the message and the count of what was rejected (OTLP says SHOULD).")
print(f"Seen: the collector rejected {received}; the exporter returned {results}; "
      f"the log at level INFO holds {said or 'nothing'}.")
if received != ["work"] or results != ["SUCCESS"] or said:
    raise SystemExit("CHANGED: this is no longer what the exporter does")
PY
