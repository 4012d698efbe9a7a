import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { Syncline } from '@syncline/client';
import { otelTracing } from '@syncline/otel';
import { answeredBy, eventually, freePort, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import { call } from './lock.calls.js';

/** A span, as OTLP writes it in JSON. */
interface ExportedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly status: { readonly code: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

type Attributes = ExportedSpan['attributes'];
const read = (attributes: Attributes) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** A collector of traces: OTLP over HTTP. */
class Collector {
  readonly spans: (ExportedSpan & { readonly resource: Record<string, unknown> })[] = [];
  readonly secrets = new Set<unknown>();
  private readonly server: Server = createServer((request, response) => {
    this.secrets.add(request.headers['x-secret']);
    request.toArray().then((chunks) => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString());
      for (const { resource, scopeSpans } of resourceSpans)
        for (const { spans } of scopeSpans)
          for (const span of spans) this.spans.push({ ...span, resource: read(resource.attributes) });
      response.setHeader('Content-Type', 'application/json').end('{}');
    });
  });

  async listen(port = 0): Promise<string> {
    await once(this.server.listen(port, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The spans of a trace, when there are as many. */
  async trace(traceId: string, count: number) {
    const found = () => this.spans.filter((span) => span.traceId === traceId);
    await eventually(async () => expect(found()).toHaveLength(count), 30_000);
    return found();
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Paths of the modules that a process has loaded, which it wrote at its end. */
function modulesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    return result.map(({ url }: { url: string }) => url);
  });
}

const newTrace = (digit: string, sampled = true) => {
  const [traceId, spanId] = [digit.repeat(32), digit.repeat(16)];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${sampled ? '01' : '00'}` };
};

describe('traces of nodes', () => {
  const collector = new Collector();
  const late = new Collector();
  const loaded = mkdtempSync(join(tmpdir(), 'syncline-modules-'));
  const memory = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
  let redis: RedisServer;
  let nodes: NodeProcess[];
  /** Sends each span at once; sends them at its end; has a collector that is away; has none. */
  let traced: NodeProcess;
  let patient: NodeProcess;
  let alone: NodeProcess;
  let silent: NodeProcess;
  let latePort: number;

  beforeAll(async () => {
    provider.register();
    redis = await RedisServer.start();
    latePort = await freePort();
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: await collector.listen() };
    const start = (role: 'lock' | 'queue', nodeId: string, env: Record<string, string>) =>
      NodeProcess.start(role, { redisUrl: redis.url, nodeId, env });
    nodes = await Promise.all([
      start('queue', 'queue_1', {
        ...endpoint,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-secret=only-for-the-collector',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
      }),
      start('lock', 'lock_1', {
        ...endpoint,
        OTEL_SERVICE_NAME: 'locks-of-mine',
        OTEL_BSP_SCHEDULE_DELAY: '600000',
      }),
      start('lock', 'lock_2', {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${latePort}`,
        OTEL_EXPORTER_OTLP_TIMEOUT: '100',
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
      }),
      start('lock', 'lock_3', { OTEL_EXPORTER_OTLP_ENDPOINT: '', NODE_V8_COVERAGE: loaded }),
    ]);
    [traced, patient, alone, silent] = nodes as [NodeProcess, NodeProcess, NodeProcess, NodeProcess];
  });
  afterAll(async () => {
    await stopAll(nodes ?? []);
    await redis?.stop();
    await provider.shutdown();
    collector.close();
    late.close();
    rmSync(loaded, { recursive: true });
  });

  it('a request has a span below that of its caller, named by its route', async () => {
    const { traceId, spanId, traceparent } = newTrace('a');
    const before = Date.now();
    const get = (path: string, headers: Record<string, string>) => fetch(`${traced.url}${path}`, { headers });
    for (const path of [
      '/health/live',
      '/health/ready',
      '/metrics',
      '/v1/queues/secret-name?x=secret',
      '/no',
    ])
      await get(path, { traceparent });
    const spans = await collector.trace(traceId, 2);
    for (const span of spans)
      expect(span).toMatchObject({ kind: 2, parentSpanId: spanId, status: { code: 0 } });
    const [found, none] = spans.sort((one, other) => other.name.length - one.name.length);
    expect([found?.name, none?.name]).toEqual(['GET /v1/queues/:queue', 'GET']);
    expect(found && read(found.attributes)).toEqual({
      'http.request.method': 'GET',
      'http.route': '/v1/queues/:queue',
      'http.response.status_code': 404,
      'url.path': '/v1/queues/:queue',
      'url.scheme': 'http',
    });
    expect(found?.resource).toMatchObject({
      'service.name': 'syncline-queue',
      'service.instance.id': 'queue_1',
      'deployment.environment.name': 'test',
    });
    const [from = 0, to = 0] = [found?.startTimeUnixNano, found?.endTimeUnixNano].map(
      (at) => Number(at) / 1e6,
    );
    expect(from).toBeGreaterThan(before - 1_000);
    expect(to).toBeGreaterThanOrEqual(from);
    expect(to).toBeLessThanOrEqual(Date.now());
    expect(JSON.stringify(collector.spans)).not.toContain('secret');
    expect(collector.secrets).toEqual(new Set(['only-for-the-collector']));
    expect(traced.output).not.toContain('only-for-the-collector');
  });

  it('a request of which the caller keeps no trace has no span, and one without a caller begins a trace', async () => {
    const ignored = newTrace('b', false);
    for (const traceparent of [ignored.traceparent, '00-nonsense', ''])
      await fetch(`${traced.url}/v1/cluster`, { headers: { traceparent } });
    const roots = () => collector.spans.filter(({ name }) => name === 'GET /v1/cluster');
    await eventually(async () => expect(roots()).toHaveLength(2));
    for (const root of roots()) expect(root.parentSpanId).toBeUndefined();
    expect(new Set(roots().map(({ traceId }) => traceId)).size).toBe(2);
    expect(collector.spans.filter(({ traceId }) => traceId === ignored.traceId)).toEqual([]);
  });

  it('a call of a client, that of the node below it and the handler of a worker are one trace', async () => {
    const syncline = new Syncline({ queue: [traced.url], tracing: otelTracing() });
    const tracer = provider.getTracer('test');
    const sent = async () => {
      await syncline.queue('orders').send(1);
      const span = memory.getFinishedSpans().findLast(({ name }) => name === 'send orders');
      return span?.spanContext() as { traceId: string; spanId: string };
    };
    // The first ones are requests, the others calls of a stream.
    for (let i = 0; i < 20; i += 1) {
      const { traceId, spanId } = await sent();
      const [span] = await collector.trace(traceId, 1);
      expect(span).toMatchObject({ name: 'POST /v1/queues/:queue/messages', parentSpanId: spanId });
    }
    expect(await (await fetch(`${traced.url}/metrics`)).text()).toContain('\ncall_streams 1\n');
    await syncline.queue('orders').purge();

    let started = '';
    const worker = tracer.startActiveSpan('start', (span) => {
      started = span.spanContext().traceId;
      return syncline.worker('orders', () => undefined);
    });
    const { traceId } = await sent();
    const handled = () => memory.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
    await eventually(async () =>
      expect(handled().map(({ name }) => name)).toEqual(
        expect.arrayContaining(['send orders', 'process orders', 'ack orders']),
      ),
    );
    await worker.stop();
    const spans = await collector.trace(traceId, 2);
    const idOf = (name: string) =>
      handled()
        .find((span) => span.name === name)
        ?.spanContext().spanId;
    expect(spans.map(({ name, parentSpanId }) => [name, parentSpanId]).sort()).toEqual([
      ['POST /v1/queues/:queue/ack', idOf('ack orders')],
      ['POST /v1/queues/:queue/messages', idOf('send orders')],
    ]);
    // What a worker does by itself is not of the trace that happened to start it.
    const received = collector.spans.filter(({ name }) => name === 'POST /v1/queues/:queue/receive');
    expect(received.map((span) => span.traceId)).not.toContain(started);
    expect(received.length).toBeGreaterThan(0);
    await syncline.close();
  });

  it('spans that wait are sent when a node stops, those of renewals apart from the trace of their lease', async () => {
    const syncline = new Syncline({ lock: [patient.url], tracing: otelTracing() });
    const acquire = () => syncline.lock.acquire('renewed', { ttlMs: 1_500 });
    await provider.getTracer('test').startActiveSpan('request', acquire);
    await eventually(async () => expect(await answeredBy([patient], /\/renew"/)).toBeGreaterThan(0));
    await syncline.close();
    const acquired = memory.getFinishedSpans().find(({ name }) => name === 'acquire');
    const { traceId, traceparent } = newTrace('c');
    await fetch(`${patient.url}/v1/locks`, { headers: { traceparent } });
    expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([]);
    expect(await patient.stop()).toBe(0);
    const [span] = await collector.trace(traceId, 1);
    expect(span).toMatchObject({ name: 'GET /v1/locks', resource: { 'service.name': 'locks-of-mine' } });
    const renewed = collector.spans.filter(({ name }) => name.endsWith('/renew'));
    expect(renewed.length).toBeGreaterThan(0);
    for (const { parentSpanId } of renewed) expect(parentSpanId).toBeUndefined();
    const [asked] = await collector.trace(acquired?.spanContext().traceId ?? '', 1);
    expect(asked).toMatchObject({
      name: 'POST /v1/locks/:name/acquire',
      parentSpanId: acquired?.spanContext().spanId,
    });
  });

  it('a collector that is away costs nothing but spans and one line', async () => {
    const lines = () => alone.output.match(/Spans do not arrive/g)?.length ?? 0;
    for (let i = 0; i < 5; i += 1) {
      expect((await call(alone, 'GET', 'locks')).status).toBe(200);
      await eventually(async () => expect(lines()).toBe(1), 30_000);
    }
    await late.listen(latePort);
    await eventually(async () => {
      await call(alone, 'GET', 'locks');
      expect(alone.output).toMatch(/Spans arrive at the collector again","lost":\d/);
    }, 30_000);
    expect(lines()).toBe(1);
    late.close();
    await call(alone, 'GET', 'locks');
    expect(await alone.stop()).toBe(0);
  });

  it('a node without a collector loads nothing of OpenTelemetry', async () => {
    await call(silent, 'GET', 'locks');
    expect(await silent.stop()).toBe(0);
    const modules = modulesIn(loaded);
    expect(modules.filter((url) => url.endsWith('/dist/apps/node_modules/dependencies.mjs'))).toHaveLength(1);
    expect(modules.filter((url) => /opentelemetry|traces\.mjs|exported-traces/.test(url))).toEqual([]);
  });
});
