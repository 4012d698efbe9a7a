import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Membership, nodeChannel } from '@syncline/cluster';
import type { BrowseQuery, QueueConfiguration } from '@syncline/contracts';
import { pageAfter, REDIS, type RedisClient, storeError } from '@syncline/redis';
import { queueKeys } from './queue.keys.js';
import type { Delivery } from './receipt.js';
import * as deliveries from './scripts/delivery.scripts.js';
import * as outbox from './scripts/outbox.scripts.js';
import * as queues from './scripts/queue.scripts.js';

/** Hints between the nodes. */
export const WAKE = 'queue.wake';
export const DUE = 'queue.due';

/** A node's parked receivers keep their place for this long without a word from it. */
export const LINE_LEASE_MS = 3_000;
const REMEMBER_DEDUPLICATION_MS = 300_000;
const REMEMBER_REDRIVE_MS = 300_000;
const SECRET_BYTES = 18;
const OUTBOX_PORTION = 100;
/** Queues whose lines are tended by one script: some hundred microseconds. */
const MOST_LINES = 200;

/** Speaks Redis for this app: one method, one script, one round trip. */
@Injectable()
export class QueueStore {
  private readonly wakePrefix = nodeChannel('queue', WAKE, '');

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly membership: Membership,
  ) {}

  send(queue: string, messages: readonly deliveries.NewMessage[], vouched: readonly deliveries.Vouched[]) {
    return deliveries.send(this.redis, {
      ...this.nodes(queue),
      messages,
      vouched,
      rememberMs: REMEMBER_DEDUPLICATION_MS,
    });
  }

  receive(
    queue: string,
    options: { max: number; visibilityTimeoutMs: number | undefined; waiter: deliveries.Waiter | null },
  ) {
    return deliveries.receive(this.redis, { ...this.nodes(queue), ...options, leaseMs: LINE_LEASE_MS });
  }

  acknowledge(queue: string, ended: readonly Delivery[]) {
    return deliveries.acknowledge(this.redis, { ...this.nodes(queue), deliveries: ended });
  }

  reject(queue: string, ended: readonly Delivery[], delayMs: number | undefined) {
    return deliveries.reject(this.redis, { ...this.nodes(queue), deliveries: ended, delayMs });
  }

  extend(queue: string, extended: readonly Delivery[], visibilityTimeoutMs: number) {
    return deliveries.extend(this.redis, { ...this.nodes(queue), deliveries: extended, visibilityTimeoutMs });
  }

  /** @param told whether somebody knows their receipts */
  giveBack(queue: string, ended: readonly Delivery[], { delayMs = 0, told = false } = {}) {
    return deliveries.giveBack(this.redis, { ...this.nodes(queue), deliveries: ended, delayMs, told });
  }

  leaveLine(queue: string, waiterId: string) {
    return queues.leaveLine(this.redis, { ...this.nodes(queue), waiterId });
  }

  /** All of them must be reachable by one script: {@link together}. */
  tendLines(lines: readonly queues.ParkedAt[]) {
    const { nodeId } = this.membership;
    return queues.tendLines(this.redis, { nodeId, leaseMs: LINE_LEASE_MS, lines });
  }

  /** Parts what is to be told to Redis: each part fits into one script, and on Redis Cluster a script reaches one queue. */
  together<Line>(lines: readonly Line[]): (readonly Line[])[] {
    const most = this.redis.isCluster ? 1 : MOST_LINES;
    return Array.from({ length: Math.ceil(lines.length / most) }, (_, i) =>
      lines.slice(i * most, (i + 1) * most),
    );
  }

  /** Leaves a queue that exists alone. Makes it known first: a name without a queue does no harm, a queue without a name would. */
  async make(queue: string, configuration: QueueConfiguration) {
    await this.redis.zadd(queueKeys.names(), 0, queue).catch(fail);
    const made = await this.configure(queue, 'make', configuration);
    // Once more: the last traces of a queue by the same name may just have been removed, its name with them.
    if (made.done) await this.redis.zadd(queueKeys.names(), 0, queue).catch(fail);
    return made;
  }

  /** Gives a queue a new configuration; makes none. */
  change(queue: string, configuration: QueueConfiguration) {
    return this.configure(queue, 'change', configuration);
  }

  /** Nothing is left of the queue. */
  async forgetName(queue: string): Promise<void> {
    await this.redis.zrem(queueKeys.names(), queue).catch(fail);
  }

  describe(queue: string) {
    return queues.describe(this.redis, this.nodes(queue));
  }

  doDueWork(queue: string) {
    return queues.doDueWork(this.redis, this.nodes(queue));
  }

  pause(queue: string, paused: boolean) {
    return queues.pause(this.redis, { ...this.nodes(queue), paused });
  }

  purge(queue: string) {
    return queues.purge(this.redis, this.nodes(queue));
  }

  remove(queue: string) {
    return queues.remove(this.redis, this.nodes(queue));
  }

  browse(queue: string, state: BrowseQuery['state'], cursor: string, limit: number) {
    return queues.browse(this.redis, { queue, state, cursor, limit });
  }

  /** @param step its id: what was done by this id before is not done again */
  redrive(queue: string, max: number, to: string | undefined, step: string | undefined) {
    const rememberMs = REMEMBER_REDRIVE_MS;
    return queues.redrive(this.redis, { ...this.nodes(queue), max, to, step, rememberMs });
  }

  peekOutbox(queue: string) {
    return outbox.peekOutbox(this.redis, { queue, limit: OUTBOX_PORTION });
  }

  settleOutbox(queue: string, number: string) {
    return outbox.settleOutbox(this.redis, { queue, number });
  }

  adopt(queue: string, from: string, messages: Parameters<typeof outbox.adopt>[1]['messages']) {
    return outbox.adopt(this.redis, {
      ...this.nodes(queue),
      timersChannel: this.ownerChannel(queue),
      from,
      messages,
    });
  }

  /** What signs the receipts of a queue; null when there is no such queue. */
  async secret(queue: string): Promise<string | null> {
    return this.redis.hget(queueKeys.queue(queue), 'secret').catch(fail);
  }

  /** Names in order, after `after`. */
  async names(prefix: string, after: string | null, limit: number): Promise<string[]> {
    const { from, to } = pageAfter(prefix, after);
    return this.redis.zrange(queueKeys.names(), from, to, 'BYLEX', 'LIMIT', 0, limit).catch(fail);
  }

  private configure(queue: string, verb: 'make' | 'change', configuration: QueueConfiguration) {
    return queues.configure(this.redis, {
      ...this.nodes(queue),
      verb,
      secret: randomBytes(SECRET_BYTES).toString('base64url'),
      fields: toFields(configuration),
    });
  }

  private nodes(queue: string): deliveries.Nodes {
    const timersChannel = this.membership.owns(queue) ? '' : this.ownerChannel(queue);
    return { queue, wakePrefix: this.wakePrefix, timersChannel };
  }

  private ownerChannel(queue: string): string {
    const owner = this.membership.ring.owner(queue);
    return owner === null ? '' : nodeChannel('queue', DUE, owner);
  }
}

function fail(error: unknown): never {
  throw storeError(error);
}

/** As the scripts read it; empty stands for nothing. */
function toFields(configuration: QueueConfiguration): Record<string, string | number> {
  const { visibilityTimeoutMs, maxReceives, deadLetterQueue, retentionMs, maxLength, maxBytes } =
    configuration;
  const { backoff, rateLimit } = configuration;
  return {
    configuration: JSON.stringify(configuration),
    visibilityTimeoutMs,
    maxReceives,
    deadLetterQueue,
    retentionMs,
    maxLength: maxLength ?? '',
    maxBytes: maxBytes ?? '',
    backoffBase: backoff?.baseMs ?? '',
    backoffFactor: backoff?.factor ?? '',
    backoffMax: backoff?.maxMs ?? '',
    rateMax: rateLimit?.max ?? '',
    ratePer: rateLimit?.perMs ?? '',
  };
}
