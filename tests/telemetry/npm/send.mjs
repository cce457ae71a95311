// Sends one span by protobuf and one log line by JSON, packed, with OpenTelemetry's own exporters.
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [url, token] = [process.env.SENTINEL_URL, process.env.SENTINEL_TOKEN];
const common = { headers: { Authorization: `Bearer ${token}` }, compression: "gzip" };
const resource = resourceFromAttributes({ "service.name": "node-shop" });

const spans = new OTLPTraceExporter({ ...common, url: `${url}/v1/traces` });
const tracers = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(spans)] });
const span = tracers.getTracer("t").startSpan("buy", { kind: 2, attributes: { items: 3 } });
span.end();

const lines = new OTLPLogExporter({ ...common, url: `${url}/v1/logs` });
const loggers = new LoggerProvider({
  resource, processors: [new BatchLogRecordProcessor({ exporter: lines })],
});
loggers.getLogger("l").emit({
  severityNumber: 17, severityText: "ERROR", body: "sold out: 'ö'",
  attributes: { "order.id": 9007199254740991, price: 0.5, tags: ["a", "b"] },
});

await tracers.shutdown();
await loggers.shutdown();
console.log(span.spanContext().traceId);
