import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../core/random.js';
import type { History } from './history.js';

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a body is what the caller expects it to be
  readonly body: any;
}

/** URLs of the nodes of each role. */
export interface Nodes {
  readonly queue: readonly string[];
  readonly lock: readonly string[];
}

const QUEUE = 'failover';
const VISIBILITY_MS = 3_000;
const CALL_TIMEOUT_MS = 6_000;
const PAUSE_MS = 20;
const LONG_TTL_MS = 3_600_000;

/** Clients outside of the nodes: each repeats a call by its id until it is answered. */
export class Traffic {
  private stopped = false;
  private readonly running: Promise<void>[] = [];
  private count = 0;

  constructor(
    private readonly nodes: Nodes,
    private readonly random: Random,
    private readonly history: History,
  ) {}

  async start(durability: string): Promise<void> {
    const { nodes, random } = this;
    const configuration = { durability, visibilityTimeoutMs: VISIBILITY_MS, maxReceives: 1_000 };
    await this.repeat(random, () => call(random.pick(nodes.queue), 'PUT', `queues/${QUEUE}`, configuration));
    const clients = [this.send, this.send, this.send, this.receive, this.receive, this.lock, this.lock];
    for (const client of clients) this.running.push(this.loop(client.bind(this), random.fork()));
  }

  /** Stops, receives all that is left, and tries to take every lock that is held. */
  async finish(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
    const { random } = this;
    const look = () =>
      this.repeat(random, () => call(random.pick(this.nodes.queue), 'GET', `queues/${QUEUE}`));
    let counted = 0;
    for (;;) {
      const { ready, inFlight, delayed, lost } = (await look())?.body.stats ?? {};
      counted = lost;
      if (ready + inFlight + delayed === 0) break;
      await this.receive(random);
    }
    await Promise.all(this.history.held.map((name) => this.acquire(random, name)));
    this.history.finish(counted);
  }

  private async loop(once: (random: Random) => Promise<void>, random: Random): Promise<void> {
    while (!this.stopped) await once(random);
  }

  private async send(random: Random): Promise<void> {
    const id = `m${this.count++}`;
    const messages = [{ body: id, deduplicationId: id }];
    const sent = await this.repeat(random, () => this.queue(random, 'messages', { messages }));
    if (sent?.status === 201) this.history.onSent(id);
  }

  private async receive(random: Random): Promise<void> {
    const askedAt = performance.now();
    const answer = await this.queue(random, 'receive', { max: 20, waitMs: 200 }).catch(() => null);
    const messages: { body: string; receipt: string }[] = answer?.body.messages ?? [];
    if (messages.length === 0) return;
    for (const { body } of messages) this.history.onReceived(body, askedAt);
    const receipts = messages.map(({ receipt }) => receipt);
    const acked = await this.repeat(random, () => this.queue(random, 'ack', { receipts }));
    for (const [i, { body }] of messages.entries()) {
      if (acked?.body.results?.[i]?.status === 'acked') this.history.onAcked(body);
    }
  }

  /** Takes a lock of its own for good, or one that somebody may hold. */
  private async lock(random: Random): Promise<void> {
    const { held } = this.history;
    await this.acquire(random, random.chance(50) && held.length > 0 ? random.pick(held) : `l${this.count++}`);
    await sleep(PAUSE_MS);
  }

  private async acquire(random: Random, name: string): Promise<void> {
    const leaseId = randomUUID();
    const request = { owner: leaseId, leaseId, ttlMs: LONG_TTL_MS };
    const answer = await this.repeat(random, () =>
      call(random.pick(this.nodes.lock), 'POST', `locks/${name}/acquire`, request),
    );
    if (answer?.status === 200) this.history.onGranted(name, leaseId);
  }

  private queue(random: Random, verb: string, body: object): Promise<Answer> {
    return call(random.pick(this.nodes.queue), 'POST', `queues/${QUEUE}/${verb}`, body);
  }

  /** Until there is an answer that says more than 503. */
  private async repeat(random: Random, attempt: () => Promise<Answer>): Promise<Answer | null> {
    for (;;) {
      const answer = await attempt().catch(() => null);
      if (answer !== null && answer.status < 500) return answer;
      if (answer !== null && answer.status !== 503) {
        this.history.violations.push(`answered ${answer.status}: ${JSON.stringify(answer.body)}`);
        return null;
      }
      this.history.counts.unknown += 1;
      await sleep(random.int(PAUSE_MS, 5 * PAUSE_MS));
    }
  }
}

async function call(url: string, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${url}/v1/${path}`, {
    method,
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    headers: { 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}
