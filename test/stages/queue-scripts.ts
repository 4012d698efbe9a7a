import type { Membership } from '@syncline/cluster';
import { RecentMembers, Ring } from '@syncline/cluster';
import {
  completeConfiguration,
  DEFAULT_MESSAGE_BYTES,
  type PutQueue,
  type QueueStats,
} from '@syncline/contracts';
import { Commits } from '@syncline/redis';
import { Metrics, Tenants } from '@syncline/runtime';
import { RedisServer, type RedisServerOptions } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { EMPTY } from 'rxjs';
import { Outbox } from '../../libs/queues/src/dead-letters/outbox.js';
import { MessageBytes } from '../../libs/queues/src/messages/message-bytes.js';
import { Losses } from '../../libs/queues/src/recovery/losses.js';
import { Memory } from '../../libs/queues/src/recovery/memory.js';
import { QueueStore } from '../../libs/queues/src/redis/queue.store.js';
import { QueueNames } from '../../libs/queues/src/redis/queue-names.js';
import { QueueOpenings } from '../../libs/queues/src/redis/queue-openings.js';
import { QueuesInUse } from '../../libs/queues/src/redis/queues-in-use.js';
import type { Delivery } from '../../libs/queues/src/redis/receipt.js';
import { encodeTails } from '../../libs/queues/src/redis/record.js';
import { ScheduleStore } from '../../libs/queues/src/redis/schedule.store.js';
import type { Deliveries } from '../../libs/queues/src/redis/scripts/deliveries.js';
import type { Verdicts } from '../../libs/queues/src/redis/scripts/ends.js';
import type { ReceiveReply } from '../../libs/queues/src/redis/scripts/receive.js';
import type { LocalWaiter } from '../../libs/queues/src/redis/scripts/send.js';
import { Firing } from '../../libs/queues/src/schedules/firing.js';
import { auditQueue } from './queue-audit.js';

const DEFAULTS: PutQueue = {
  visibilityTimeoutMs: 30_000,
  maxReceives: 5,
  retentionMs: 1_209_600_000,
  maxLength: null,
  maxBytes: null,
  backoff: null,
  rateLimit: null,
  deduplicationWindowMs: 300_000,
  keepResultsMs: 0,
  maxInFlight: null,
  maxInFlightPerGroup: 1,
  ordering: 'group',
  maxMessageBytes: DEFAULT_MESSAGE_BYTES,
  durability: 'local',
};

const SCRIPTS_ONLY = ['--user', 'scripter', 'on', '>secret', '~*', '&*', '+@all', '-fcall', '-function'];

/** Nodes that are told when receivers of theirs are woken. */
const NODES = ['queue_1', 'queue_2', 'queue_3'];

export interface Given {
  readonly body?: unknown;
  readonly priority?: number;
  readonly groupId?: string;
  readonly ttlMs?: number;
  readonly delayMs?: number;
  readonly dedup?: string;
}

/** The scripts of a queue on a Redis of their own, without a node: for tests that play with one queue after the other. */
export class QueueScripts {
  queue = '';
  private count = 0;
  /** Of the true time. */
  private aheadMs = 0;

  private constructor(
    private readonly server: RedisServer,
    private readonly listener: Redis,
    readonly redis: Redis,
    readonly store: QueueStore,
    readonly outbox: Outbox,
    readonly schedules: ScheduleStore,
    readonly firing: Firing,
    /** What the node told its clients: tests tell it. */
    readonly memory: Memory,
  ) {}

  /** @param by how Redis lets its Lua be called: as functions, or for a user who may call none as scripts */
  static async start(
    by: 'functions' | 'scripts' = 'functions',
    options: RedisServerOptions = {},
  ): Promise<QueueScripts> {
    const user = by === 'scripts' ? SCRIPTS_ONLY : [];
    const server = await RedisServer.start({ args: user, ...options });
    const redis = server.connect();
    if (by === 'scripts') await redis.auth('scripter', 'secret');
    const listener = redis.duplicate();
    await listener.subscribe(...NODES.map((node) => `syncline.queue.queue.wake.${node}`));
    const ring = new Ring(['queue_1']);
    const alone = { nodeId: 'queue_1', ring, owns: () => true, uses: () => {}, changed: EMPTY };
    const membership = alone as unknown as Membership;
    const members = new RecentMembers(membership);
    const losses = new Losses(new Metrics());
    const names = new QueueNames(redis);
    const inUse = new QueuesInUse(redis, membership);
    const memory = new Memory();
    const openings = new QueueOpenings(redis, membership, members, memory, losses, names, inUse);
    const commits = new Commits(redis);
    const store = new QueueStore(redis, membership, commits, openings, members, names, inUse);
    const schedules = new ScheduleStore(redis, store, openings, commits);
    const bytes = new MessageBytes(new Tenants(), store);
    const firing = new Firing(schedules, bytes, new Metrics());
    const outbox = new Outbox(store);
    return new QueueScripts(server, listener, redis, store, outbox, schedules, firing, memory);
  }

  async stop(): Promise<void> {
    await this.store.inUse.onModuleDestroy();
    this.redis.disconnect();
    this.listener.disconnect();
    await this.server.stop();
  }

  nextQueue(): void {
    this.queue = `q${this.count++}`;
  }

  /** Lets time pass by Redis' clock, which the stage was started with as settable. */
  pass(ms: number): Promise<void> {
    this.aheadMs += ms;
    return this.server.setClock(this.aheadMs);
  }

  audit(queue = this.queue): Promise<string[]> {
    return auditQueue(this.redis, queue);
  }

  async configure(given: Partial<PutQueue> = {}): Promise<void> {
    const configuration = completeConfiguration(this.queue, { ...DEFAULTS, ...given });
    const changed = await this.store.change(this.queue, configuration);
    if (!changed.done) await this.store.make(this.queue, configuration);
  }

  send(...messages: Given[]) {
    return this.sendTo([], messages);
  }

  async sendTo(
    localWaiters: readonly LocalWaiter[],
    messages: readonly Given[],
    maxMessageBytes = DEFAULT_MESSAGE_BYTES,
  ) {
    const sent = messages.map(
      ({ body = 'x', priority = 0, groupId = null, ttlMs = null, delayMs = 0, dedup = '' }) => ({
        content: { body: JSON.stringify(body), headers: {}, priority, groupId, ttlMs, extra: null },
        delayMs,
        deduplication: dedup,
        replaces: false,
      }),
    );
    const tails = encodeTails(sent.map(({ content }) => content));
    const reply = await this.store.send(this.queue, { messages: sent, tails, maxMessageBytes, localWaiters });
    if (reply === null) throw new Error('no such queue');
    return reply;
  }

  async receive(max = 1, visibilityTimeoutMs?: number): Promise<ReceiveReply> {
    const reply = await this.store.receive(this.queue, { max, visibilityTimeoutMs, waiter: null });
    if (reply === null) throw new Error('no such queue');
    return reply;
  }

  /** A receiver that waits, of a node. */
  async park(waiter: string, max = 1, visibilityTimeoutMs?: number): Promise<LocalWaiter> {
    await this.store.receive(this.queue, { max, visibilityTimeoutMs, waiter: { id: waiter, arrival: '' } });
    return { id: waiter, max, visibilityTimeoutMs };
  }

  acknowledge(ended: readonly Delivery[], results: readonly string[] | null = null) {
    return verdictsOf(this.store.acknowledge(this.queue, ended, results));
  }

  reject(ended: readonly Delivery[], delayMs?: number, how: { dead?: boolean; reason?: string } = {}) {
    return verdictsOf(this.store.reject(this.queue, ended, { delayMs, ...how }));
  }

  extend(extended: readonly Delivery[], visibilityTimeoutMs: number, progress?: string) {
    return verdictsOf(this.store.extend(this.queue, extended, visibilityTimeoutMs, progress));
  }

  giveBack(ended: readonly Delivery[], options: { delayMs?: number; told?: boolean } = {}) {
    return verdictsOf(this.store.giveBack(this.queue, ended, options));
  }

  async stats(): Promise<QueueStats> {
    const described = await this.store.describe(this.queue);
    if (described === null) throw new Error('no such queue');
    return described.stats;
  }
}

export const bodies = (reply: Deliveries): unknown[] =>
  reply.messages.map(({ content }) => JSON.parse(content.body));

export const deliveries = (reply: Deliveries): Delivery[] => reply.messages.map(({ delivery }) => delivery);

async function verdictsOf(call: Promise<Verdicts<string> | null>): Promise<readonly string[]> {
  const reply = await call;
  if (reply === null) throw new Error('no such queue');
  return reply.verdicts;
}
