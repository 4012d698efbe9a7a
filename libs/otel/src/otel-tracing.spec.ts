import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { LockHeldError, type Syncline } from '@syncline/client';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../test/stages/deployment.js';
import { otelTracing } from './index.js';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('test');

beforeAll(() => provider.register());
afterAll(() => provider.shutdown());
beforeEach(() => exporter.reset());

/** Runs something in a span of the program. */
const within = <T>(name: string, run: () => Promise<T>): Promise<T> =>
  tracer.startActiveSpan(name, async (span) => {
    try {
      return await run();
    } finally {
      span.end();
    }
  });

/** The ended spans of a name, when there are as many. */
async function spans(name: string, count: number): Promise<readonly ReadableSpan[]> {
  const named = () => exporter.getFinishedSpans().filter((span) => span.name === name);
  await eventually(async () => expect(named()).toHaveLength(count));
  return named();
}
const span = async (name: string) => (await spans(name, 1))[0] as ReadableSpan;

const idOf = (one: ReadableSpan) => one.spanContext().spanId;
const traceOf = (one: ReadableSpan) => one.spanContext().traceId;
const parentOf = (one: ReadableSpan) => one.parentSpanContext?.spanId;
const linksOf = (one: ReadableSpan) => one.links.map((link) => link.context.spanId).sort();

describe.each(WAYS)('otelTracing of queues over %s:', (way) => {
  let deployment: Deployment;
  let syncline: Syncline;
  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    syncline = await deployment.connect({ tracing: otelTracing() });
  });
  afterAll(() => deployment?.stop());

  it('the trace of a sender goes on in the handler, its ack and what it sends', async () => {
    const { id } = await within('request', () => syncline.queue('orders').send(1, { headers: { a: 'b' } }));
    // A span that has nothing to do with the messages that come.
    const worker = await within('start', async () =>
      syncline.worker('orders', ({ headers }, { send }) => {
        trace.getActiveSpan()?.setAttribute('header', headers.a ?? '');
        send('mails', 'thanks');
      }),
    );
    const request = await span('request');
    const sent = await span('send orders');
    const handled = await span('process orders');
    const created = await span('create mails');
    const settled = await span('ack orders');
    await worker.stop();
    for (const each of [sent, handled, created, settled]) expect(traceOf(each)).toBe(traceOf(request));
    expect([sent, handled, created, settled].map(parentOf)).toEqual(
      [request, sent, handled, handled].map(idOf),
    );
    expect(linksOf(handled)).toEqual([idOf(sent)]);
    expect([sent.kind, handled.kind, created.kind, settled.kind]).toEqual([
      SpanKind.PRODUCER,
      SpanKind.CONSUMER,
      SpanKind.PRODUCER,
      SpanKind.CLIENT,
    ]);
    expect(sent.attributes).toEqual({
      'messaging.system': 'syncline',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'send',
      'messaging.destination.name': 'orders',
      'messaging.message.id': id,
    });
    expect(handled.attributes).toMatchObject({
      'messaging.operation.type': 'process',
      'messaging.message.id': id,
      'syncline.message.receive_count': 1,
      header: 'b',
    });
    expect(settled.attributes).toMatchObject({
      'messaging.operation.type': 'settle',
      'messaging.operation.name': 'ack',
      'messaging.message.id': id,
    });

    await within('job', async () => {
      const [mail] = await syncline.queue('mails').receive({ waitMs: 5_000 });
      await syncline.queue('mails').ack(mail?.receipt ?? '');
      // Passed on as it came: it stays in its trace.
      await syncline.queue('archive').send(mail?.body, { headers: mail?.headers ?? {} });
    });
    const job = await span('job');
    const received = await span('receive mails');
    const passedOn = await span('send archive');
    for (const each of [received, await span('ack mails'), passedOn]) {
      expect(parentOf(each)).toBe(idOf(job));
    }
    expect([linksOf(received), linksOf(passedOn)]).toEqual([[idOf(created)], [idOf(created)]]);
    expect([received.kind, passedOn.kind]).toEqual([SpanKind.CLIENT, SpanKind.CLIENT]);
    const [archived] = await syncline.queue('archive').receive();
    expect(archived?.headers.traceparent).toContain(idOf(created));
  });

  it('a handler that throws has a failed span, and its nack is in the same trace', async () => {
    await syncline.queue('failing').send(1);
    let tries = 0;
    await using _ = syncline.worker(
      'failing',
      () => {
        tries += 1;
        if (tries === 1) throw new TypeError('no such order');
      },
      { backoff: { baseMs: 1, factor: 1, maxMs: 1 }, onError: () => undefined },
    );
    await span('ack failing');
    const [failed, done] = await spans('process failing', 2);
    const nack = await span('nack failing');
    expect(failed?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no such order' });
    expect(failed?.attributes['error.type']).toBe('TypeError');
    expect(failed?.events.map(({ name }) => name)).toEqual(['exception']);
    expect(parentOf(nack)).toBe(failed && idOf(failed));
    expect(nack.status.code).toBe(SpanStatusCode.UNSET);
    expect(done?.status.code).toBe(SpanStatusCode.UNSET);
    expect(done?.attributes['syncline.message.receive_count']).toBe(2);
  });

  it('a handler of batches links to all who sent, and has none of them as its parent', async () => {
    const queue = syncline.queue('batches');
    await Promise.all([1, 2, 3].map((body) => within('request', () => queue.send(body))));
    const sent = await spans('send batches', 3);
    await using _ = await within('start', async () =>
      syncline.worker('batches', () => undefined, { batch: 10 }),
    );
    const settled = await spans('ack batches', 3);
    const handled = await span('process batches');
    expect(parentOf(handled)).toBeUndefined();
    expect(linksOf(handled)).toEqual(sent.map(idOf).sort());
    expect(handled.attributes['messaging.batch.message_count']).toBe(3);
    expect(settled.map(parentOf)).toEqual(Array(3).fill(idOf(handled)));
    expect(settled.flatMap(linksOf).sort()).toEqual(sent.map(idOf).sort());
  });

  it('one worker of several queues has spans of each', async () => {
    await using _ = syncline.worker(['left', 'right'], () => undefined);
    await Promise.all(['left', 'right'].map((name) => syncline.queue(name).send(1)));
    for (const name of ['left', 'right']) {
      expect(parentOf(await span(`process ${name}`))).toBe(idOf(await span(`send ${name}`)));
      expect(parentOf(await span(`ack ${name}`))).toBe(idOf(await span(`process ${name}`)));
    }
  });
});

describe('otelTracing of locks and caches:', () => {
  let deployments: Deployment[];
  let locks: Syncline;
  let caches: Syncline;
  beforeAll(async () => {
    deployments = await Promise.all(
      (['lock', 'cache'] as const).map((role) => Deployment.start('embedded', role)),
    );
    const [lock, cache] = deployments.map((each) => each.connect({ tracing: otelTracing() }));
    locks = (await lock) as Syncline;
    caches = (await cache) as Syncline;
  });
  afterAll(() => Promise.all((deployments ?? []).map((each) => each.stop())));

  it('an acquisition has a span for as long as it waits', async () => {
    const { lock } = locks;
    const first = await lock.acquire('invoice', { owner: 'Ada' });
    await expect(lock.acquire('invoice')).rejects.toThrow(LockHeldError);
    const waiting = within('request', () => lock.acquire('invoice', { owner: 'Bob', waitMs: 30_000 }));
    await eventually(async () => expect((await lock.inspect('invoice')).waiters).toHaveLength(1));
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['acquire', 'acquire']);
    await first.release();
    await (await waiting).release();
    await using _ = await lock.acquireAll(['a', 'b'], { owner: 'Cy' });
    const [granted, refused, waited, set] = await spans('acquire', 4);
    expect(granted?.attributes).toEqual({
      'syncline.lock.names': ['invoice'],
      'syncline.lock.owner': 'Ada',
    });
    expect(refused?.attributes['error.type']).toBe('lock-held');
    expect(refused?.attributes['syncline.lock.holders']).toEqual(['Ada']);
    expect(refused?.status.code).toBe(SpanStatusCode.UNSET);
    expect(waited && parentOf(waited)).toBe(idOf(await span('request')));
    expect(set?.attributes['syncline.lock.names']).toEqual(['a', 'b']);
  });

  it('the loader of a cache runs in a span, and a hit has none', async () => {
    const cache = caches.cache<string>('prices');
    const load = () => within('query', async () => 'dear');
    expect([await cache.getOrSet('a', load), await cache.getOrSet('a', load)]).toEqual(['dear', 'dear']);
    const loaded = await span('load prices');
    expect(parentOf(await span('query'))).toBe(idOf(loaded));
    await expect(cache.getOrSet('b', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    const [, failed] = await spans('load prices', 2);
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
  });
});
