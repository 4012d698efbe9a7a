import { ROLES, type Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { acquire, call, describeLock, release } from './lock.calls.js';
import { Prometheus } from './prometheus.js';
import { alerts, labelsOf, questions, selectorsOf } from './watched.js';

/** Exemplars of a series, as Prometheus tells them. */
interface Exemplars {
  readonly seriesLabels: { readonly route: string };
  readonly exemplars: readonly { readonly labels: { readonly trace_id: string } }[];
}

/** All series that nodes show, with the labels that they and deploy/prometheus give them. */
async function seriesOf(nodes: readonly NodeProcess[]) {
  const pages = nodes.map(async ({ url, role }) => {
    const page = await (await fetch(`${url}/metrics`)).text();
    return [...page.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, metric = '', text = '', value]) => {
      const own = [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', found = '']) => [label, found]);
      const labels = { job: 'syncline', instance: url, role, ...Object.fromEntries(own) };
      return { metric, labels: labels as Record<string, string>, value: Number(value) };
    });
  });
  return (await Promise.all(pages)).flat();
}

/** The sum of a metric over nodes, of the series that have these labels. */
async function sumOf(nodes: readonly NodeProcess[], name: string, wanted: Record<string, string> = {}) {
  return (await seriesOf(nodes))
    .filter(({ metric }) => metric === name)
    .filter(({ labels }) => Object.entries(wanted).every(([key, value]) => labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

describe('metrics', () => {
  let redis: RedisServer;
  const nodes = {} as Record<Role, [NodeProcess, NodeProcess]>;

  beforeAll(async () => {
    redis = await RedisServer.start();
    await Promise.all(
      ROLES.map(async (role) => {
        nodes[role] = (await startNodes(role, 2, { redisUrl: redis.url })) as [NodeProcess, NodeProcess];
      }),
    );
  });
  afterAll(async () => {
    await stopAll(Object.values(nodes).flat());
    await redis.stop();
  });

  it('tell each queue once, by its owner on the ring, whose samples any node says where to find', async () => {
    const [one, two] = nodes.queue;
    const names = ['orders', 'bills', 'mails', 'jobs'];
    for (const name of names) {
      await call(one, 'PUT', `queues/${name}`, {});
      const messages = [{ body: 1 }, { body: 2 }, { body: 3, delayMs: 600_000 }];
      await call(two, 'POST', `queues/${name}/messages`, { messages });
    }
    const late = ['late-1', 'late-2', 'late-3'];
    for (const name of late) await call(one, 'PUT', `queues/${name}`, {});
    const { body } = await call(two, 'POST', 'queues/orders/receive', {});
    await call(one, 'POST', 'queues/orders/ack', { receipts: [body.messages[0].receipt] });
    // A sample comes each 10 s.
    await eventually(async () => {
      for (const queue of names) {
        expect(await sumOf(nodes.queue, 'queue_sent_total', { queue })).toBe(3);
        expect(await sumOf(nodes.queue, 'queue_messages', { queue, state: 'delayed' })).toBe(1);
      }
      expect(await sumOf(nodes.queue, 'queue_messages', { queue: 'orders', state: 'ready' })).toBe(1);
      expect(await sumOf(nodes.queue, 'queue_acked_total', { queue: 'orders' })).toBe(1);
      expect(await sumOf(nodes.queue, 'queue_oldest_ready_age_seconds', { queue: 'orders' })).toBeGreaterThan(
        0,
      );
    }, 30_000);
    for (const name of names) {
      const { body: owner } = await call(one, 'GET', `cluster/owner?key=${name}`);
      for (const node of nodes.queue) {
        const { body: figures } = await call(node, 'GET', `queues/${name}/figures`);
        expect(figures).toMatchObject({ queue: name, nodeId: owner.nodeId, everyMs: 10_000 });
        const isOwner = node.nodeId === owner.nodeId;
        expect(figures.samples.slice(-1)).toMatchObject(isOwner ? [{ sent: 3, delayed: 1 }] : []);
      }
    }
    expect((await call(one, 'GET', 'queues/none/figures')).status).toBe(404);
    await call(one, 'DELETE', 'queues/jobs');
    // The owner of one that was empty hears that it no longer is, through whichever node.
    for (const name of late) {
      await call(one, 'POST', `queues/${name}/messages`, { messages: [{ body: 1 }] });
      await call(two, 'POST', `queues/${name}/messages`, { messages: [{ body: 2 }] });
    }
    await eventually(async () => {
      expect(await sumOf(nodes.queue, 'queue_sent_total', { queue: 'jobs' })).toBe(0);
      for (const queue of late)
        expect(await sumOf(nodes.queue, 'queue_messages', { queue, state: 'ready' })).toBe(2);
    }, 30_000);
  }, 80_000);

  it('tell of messages that are delivered again, and how late delayed ones became ready', async () => {
    const [one, two] = nodes.queue;
    await call(one, 'POST', 'queues/again/messages', { messages: [{ body: 1 }] });
    const { body } = await call(one, 'POST', 'queues/again/receive', { waitMs: 10_000 });
    await call(two, 'POST', 'queues/again/nack', { receipts: [body.messages[0].receipt], delayMs: 0 });
    expect(await sumOf(nodes.queue, 'queue_messages_redelivered_total')).toBe(0);
    await call(one, 'POST', 'queues/again/receive', { waitMs: 10_000 });
    expect(await sumOf([one], 'queue_messages_redelivered_total')).toBe(1);
    // Again and again, because to look at a queue makes ready what is due, too, and that is not the work of a timer.
    await eventually(async () => {
      await call(one, 'POST', 'queues/later/messages', { messages: [{ body: 1, delayMs: 20 }] });
      expect(await sumOf(nodes.queue, 'queue_delay_lateness_seconds_count')).toBeGreaterThan(0);
    });
  });

  it('tell what is held and awaited, how long, and what was lost', async () => {
    const [one, two] = nodes.lock;
    const { body: lease } = await acquire(one, 'held', { owner: 'a' });
    const waiting = acquire(two, 'held', { owner: 'b', waitMs: 20_000 });
    await eventually(async () => expect((await describeLock(one, 'held')).waiters).toHaveLength(1));
    expect(await sumOf(nodes.lock, 'lock_requests_waiting')).toBe(1);
    expect(await sumOf(nodes.lock, 'lock_leases_held')).toBe(1);
    await release(one, lease);
    await waiting;
    await acquire(one, 'lost', { owner: 'c', ttlMs: 100 });
    await eventually(async () =>
      expect(await sumOf(nodes.lock, 'events_total', { type: 'lost', reason: 'ttl' })).toBe(1),
    );
    expect(await sumOf(nodes.lock, 'lock_grants_total')).toBe(3);
    expect(await sumOf(nodes.lock, 'lock_wait_duration_seconds_count')).toBe(1);
    expect(await sumOf(nodes.lock, 'lock_hold_duration_seconds_count')).toBe(1);
    const pages = await Promise.all(
      nodes.lock.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
    );
    for (const page of pages) expect(page).not.toMatch(/"(held|lost-name)"/);
  });

  it('tell what near caches hold and how reads were answered', async () => {
    const [one, two] = nodes.cache;
    await call(one, 'PUT', 'caches/prices/entries/k', { price: 1 });
    for (let i = 0; i < 3; i += 1) await call(one, 'GET', 'caches/prices/entries/k');
    expect(await sumOf([one], 'cache_near_entries')).toBe(1);
    expect(await sumOf([one], 'cache_near_bytes')).toBeGreaterThan(0);
    expect(await sumOf([one], 'cache_reads_total')).toBe(3);
    expect(await sumOf([one], 'cache_invalidations_total')).toBe(0);
    await call(two, 'PUT', 'caches/prices/entries/k', { price: 2 });
    expect(await sumOf([one], 'cache_invalidations_total')).toBe(1);
    const { body } = await call(one, 'GET', 'coherence');
    const audits = await sumOf([one], 'cache_audits_total');
    const none = { repairs: 0, forcedWrites: 0, fencings: 0, staleHits: 0 };
    expect(body).toEqual({ nodeId: 'cache_1', invalidations: 1, audits, ...none });
  });

  it('tell of the members, the ring, the scripts and the connections of each node', async () => {
    for (const role of ROLES) {
      expect(await sumOf([nodes[role][0]], 'cluster_members')).toBe(2);
      expect(await sumOf(nodes[role], 'cluster_is_member')).toBe(2);
      expect(await sumOf(nodes[role], 'cluster_ring_share')).toBeCloseTo(1, 5);
      const script = { script: 'cluster.heartbeat' };
      expect(await sumOf(nodes[role], 'redis_script_duration_seconds_count', script)).toBeGreaterThan(1);
      expect(await sumOf([nodes[role][0]], 'redis_connections_total')).toBe(1);
    }
  });

  it('have all that alerts and dashboards ask for: metrics, labels, and values of labels', async () => {
    const series = await seriesOf(Object.values(nodes).flat());
    const toldByPrometheus = ['up', 'ALERTS'];
    for (const question of questions()) {
      const selectors = selectorsOf(question.expr);
      const found = selectors.map(({ metric, matchers }) =>
        series.filter(
          ({ metric: name, labels }) =>
            name === metric &&
            // Nothing has failed here, so that there is no status of a failure.
            matchers.every(
              ({ label, matches }) => label in labels && (label === 'status' || matches(labels[label] ?? '')),
            ),
        ),
      );
      const missing = selectors.filter((_, i) => found[i]?.length === 0).map(({ metric }) => metric);
      expect([question, missing.filter((metric) => !toldByPrometheus.includes(metric))]).toEqual([
        question,
        [],
      ]);
      const labels = new Set(found.flat().flatMap((one) => Object.keys(one.labels)));
      for (const label of ['job', 'instance', 'role']) labels.add(label);
      expect([question, labelsOf(question).filter((label) => !labels.has(label))]).toEqual([question, []]);
    }
  });

  it('are the same as OpenMetrics, to who accepts that', async () => {
    for (const { url } of Object.values(nodes).map(([node]) => node)) {
      const read = async (accept: string) => {
        const answer = await fetch(`${url}/metrics`, { headers: { accept } });
        const page = await answer.text();
        const samples = [...page.matchAll(/^(\w+)/gm)].map(([name]) => name);
        return { type: answer.headers.get('content-type'), page, samples: [...new Set(samples)].sort() };
      };
      await read('*/*');
      const open = await read('application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5');
      const text = await read('text/plain');
      expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
      expect(text.type).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(open.page).toMatch(/\n# EOF\n$/);
      expect(open.samples).toEqual(text.samples);
      expect(text.page).toContain('\n# TYPE process_cpu_seconds_total counter\n');
      expect(text.page).not.toMatch(/ # \{/);
    }
  });

  it('are scraped by a Prometheus, which can judge every alert and has traces as exemplars', async () => {
    const all = Object.values(nodes).flat();
    const [{ url }] = nodes.lock;
    const [kept, dropped] = ['a'.repeat(32), 'b'.repeat(32)];
    for (const traceparent of [`00-${kept}-${'1'.repeat(16)}-01`, `00-${dropped}-${'1'.repeat(16)}-00`])
      await fetch(`${url}/v1/locks`, { headers: { traceparent } });
    const prometheus = await Prometheus.start(all);
    await eventually(async () => {
      const { data } = await prometheus.ask('query', { query: 'sum by (role) (up{job="syncline"})' });
      const up = data.result.map(({ metric, value }: { metric: { role: Role }; value: [number, string] }) => [
        metric.role,
        Number(value[1]),
      ]);
      expect(Object.fromEntries(up)).toEqual({ lock: 2, queue: 2, cache: 2 });
    }, 30_000);
    const query = 'http_request_duration_seconds_bucket{role="lock"}';
    await eventually(async () => {
      const asked = {
        query,
        start: String(Date.now() / 1_000 - 3_600),
        end: String(Date.now() / 1_000 + 60),
      };
      const { data } = await prometheus.ask('query_exemplars', asked);
      const found = data.map(({ seriesLabels, exemplars }: Exemplars) => [
        seriesLabels.route,
        ...exemplars.map(({ labels }) => labels.trace_id),
      ]);
      expect(found).toEqual([['/v1/locks', kept]]);
    }, 30_000);
    await eventually(async () => {
      const { data } = await prometheus.ask('rules');
      const judged = data.groups.flatMap(({ rules }: { rules: object[] }) => rules);
      expect(judged).toMatchObject(alerts.map(({ alert }) => ({ name: alert, health: 'ok' })));
    }, 30_000);
    for (const { expr } of questions()) {
      const { status, error } = await prometheus.ask('query', { query: expr });
      expect([expr, status, error]).toEqual([expr, 'success', undefined]);
    }
    await prometheus.stop();
  });

  it('cost Redis nothing to scrape', async () => {
    const [one] = nodes.queue;
    const count = async () => {
      const client = redis.connect();
      const calls = /cmdstat_fcall:calls=(\d+)/.exec(await client.info('commandstats'));
      client.disconnect();
      return Number(calls?.[1] ?? 0);
    };
    const before = await count();
    for (let i = 0; i < 100; i += 1) await fetch(`${one.url}/metrics`);
    // Heartbeats go on; 100 scrapes would show if each asked for its queues.
    expect((await count()) - before).toBeLessThan(300);
  });
});
