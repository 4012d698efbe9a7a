import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import {
  type Attributes,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { NodeConfig } from '../node/node.config.js';
import { readTraceParent } from '../request/trace-parent.js';
import { ReportedExporter } from './reported-exporter.js';
import { type EndedRequest, RequestTraces } from './request-traces.js';

/** For this long a node that stops waits until the collector has its last spans. */
const FLUSH_MS = 2_000;
/** The conventions name the others `_OTHER`, so that callers cannot make up names of spans. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Asked every few seconds by machines. */
const UNTRACED = /^\/(?:health\/|metrics$)/;

/**
 * A span for each request, sent to the collector at `OTEL_EXPORTER_OTLP_ENDPOINT`. The SDK reads that variable and its companions by
 * itself, and drops spans when more wait than its bound.
 *
 * Spans begin when they end: only then the route is known, and nothing has to be remembered meanwhile.
 */
export class ExportedTraces extends RequestTraces implements OnApplicationShutdown {
  private readonly provider: BasicTracerProvider;
  private readonly tracer: Tracer;

  constructor(private readonly config: Pick<NodeConfig, 'role' | 'nodeId' | 'scheme'>) {
    super();
    const { role, nodeId } = config;
    const own = { 'service.name': `syncline-${role}`, 'service.instance.id': nodeId };
    const exporter = new ReportedExporter(new OTLPTraceExporter(), new Logger('Traces'));
    this.provider = new BasicTracerProvider({
      resource: resourceFromAttributes(own).merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(exporter)],
    });
    this.tracer = this.provider.getTracer('syncline');
  }

  override record(request: EndedRequest): string | undefined {
    const { route, status, elapsedMs, traceparent } = request;
    if (UNTRACED.test(route)) return super.record(request);
    const endTime = Date.now();
    const method = METHODS.has(request.method) ? request.method : '_OTHER';
    const attributes: Attributes = { 'http.request.method': method, 'url.scheme': this.config.scheme };
    if (route !== 'none') {
      attributes['http.route'] = route;
      // The template again: names and keys of callers are in no span.
      attributes['url.path'] = route;
    }
    if (status !== undefined) attributes['http.response.status_code'] = status;
    const failed = status !== undefined && status >= 500;
    if (failed) attributes['error.type'] = String(status);
    const name = method === '_OTHER' ? 'HTTP' : method;
    const span = this.tracer.startSpan(
      route === 'none' ? name : `${name} ${route}`,
      { kind: SpanKind.SERVER, startTime: endTime - elapsedMs, attributes },
      contextOf(traceparent),
    );
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
    const { traceId, traceFlags } = span.spanContext();
    return traceFlags & TraceFlags.SAMPLED ? traceId : undefined;
  }

  async onApplicationShutdown(): Promise<void> {
    const flushed = this.provider.shutdown().catch(() => undefined);
    await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, FLUSH_MS))]);
  }
}

function contextOf(traceparent: EndedRequest['traceparent']) {
  const parent = readTraceParent(traceparent);
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, sampled } = parent;
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
