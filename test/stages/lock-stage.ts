import { randomUUID } from 'node:crypto';
import { type Membership, RecentMembers } from '@syncline/cluster';
import type { Lease } from '@syncline/contracts';
import { Commits, commandConnection, type RedisClient, SeenNumbers } from '@syncline/redis';
import { ProcessIdentity, Tenants } from '@syncline/runtime';
import { eventually, RedisServer, type RedisServerOptions } from '@syncline/testing';
import { EMPTY, of } from 'rxjs';
import { inOrder, type LeaseRequest, LOCK_PERMITS, permitsOf } from '../../libs/locks/src/lease/lease.js';
import { resourceKey } from '../../libs/locks/src/lease/resource.js';
import { Memory } from '../../libs/locks/src/recovery/memory.js';
import { DeadlocksStore } from '../../libs/locks/src/redis/deadlocks.store.js';
import { EventsStore } from '../../libs/locks/src/redis/events.store.js';
import { HeldReplies } from '../../libs/locks/src/redis/held-replies.js';
import { LeasesStore } from '../../libs/locks/src/redis/leases.store.js';
import { LockQuotas } from '../../libs/locks/src/redis/lock-quotas.js';
import { ResourcesStore } from '../../libs/locks/src/redis/resources.store.js';
import { SessionsStore } from '../../libs/locks/src/redis/sessions.store.js';
import { ShardCalls } from '../../libs/locks/src/redis/shard-calls.js';
import { Shards } from '../../libs/locks/src/redis/shards.js';
import { waitId } from '../../libs/locks/src/redis/wait-id.js';
import { WaitsStore } from '../../libs/locks/src/redis/waits.store.js';
import { DeadlockSearch } from '../../libs/locks/src/waiting/deadlock-search.js';
import type { Ticket } from '../../libs/locks/src/waiting/ticket.js';

export const lockKey = (name: string): string => resourceKey('lock', name);

/** A request for one lock, or for several at once, that does not wait. */
export function ask(
  names: string | readonly string[],
  { mode = 'exclusive', ...more }: Partial<LeaseRequest> & { mode?: 'exclusive' | 'shared' } = {},
): LeaseRequest {
  return {
    resources: inOrder(
      [names].flat().map((name) => ({ key: lockKey(name), permits: permitsOf(mode), limit: LOCK_PERMITS })),
    ),
    leaseId: randomUUID(),
    leaseIdIsNew: false,
    owner: 'o',
    ttlMs: 30_000,
    waitMs: 0,
    sessionId: null,
    metadata: null,
    ...more,
  };
}

export const waitIdOf = ({ leaseId, resources }: LeaseRequest): string =>
  waitId(
    leaseId,
    resources.map(({ key }) => key),
  );

const ticketOf = (request: LeaseRequest, claim: string, mayReturn = false): Ticket => ({
  shard: 0,
  id: waitIdOf(request),
  claim,
  mayReturn,
});

/** What one lock node asks of Redis. */
export class LockNode {
  readonly calls: ShardCalls;
  readonly leases: LeasesStore;
  readonly waits: WaitsStore;
  readonly resources: ResourcesStore;
  readonly sessions: SessionsStore;
  readonly events: EventsStore;
  readonly deadlocks: DeadlockSearch;

  /** @param members that it knows of */
  constructor(redis: RedisClient, nodeId: string, members: readonly string[] = []) {
    const changed = members.length === 0 ? EMPTY : of(members);
    const membership = { nodeId, changed } as unknown as Membership;
    const identity = new ProcessIdentity();
    const shards = new Shards(redis);
    const tokens = new SeenNumbers();
    const memory = new Memory(tokens);
    const calls = new ShardCalls(redis, tokens, memory, new RecentMembers(membership), membership, identity);
    this.calls = calls;
    const held = new HeldReplies(new Commits(redis), 'local');
    const quotas = new LockQuotas(redis, shards, new Tenants());
    this.leases = new LeasesStore(calls, shards, memory, held, quotas, membership, identity);
    this.waits = new WaitsStore(calls, shards, tokens, memory, held, membership, identity);
    this.resources = new ResourcesStore(calls, shards, memory, held, membership);
    this.sessions = new SessionsStore(calls, shards, memory, held);
    this.events = new EventsStore(redis, shards);
    this.deadlocks = new DeadlockSearch(new DeadlocksStore(redis, calls, shards, membership, identity));
  }

  acquire(request: LeaseRequest, claim = 'c') {
    return this.leases.acquire(request, { shard: 0, id: waitIdOf(request), claim });
  }

  /** @param locals requests that wait here, by their claims */
  release(names: string | readonly string[], leaseId: string, locals: Record<string, LeaseRequest> = {}) {
    const waiters = Object.entries(locals).map(([claim, request]) => ticketOf(request, claim));
    return this.leases.release([names].flat().map(lockKey), leaseId, waiters);
  }

  renew(name: string, leaseId: string, ttlMs: number | null = null) {
    return this.leases.renew([lockKey(name)], leaseId, ttlMs);
  }

  async takeUp(request: LeaseRequest, claim = 'c') {
    return (await this.waits.takeUp(ticketOf(request, claim), false)).outcome;
  }

  /** As when the wait of a request is over. */
  async leave(request: LeaseRequest, claim = 'c') {
    return (await this.waits.takeUp(ticketOf(request, claim), true)).outcome;
  }

  /** As when the client of a request has gone away. */
  withdraw(request: LeaseRequest, mayReturn: boolean, claim = 'c') {
    return this.waits.withdraw(ticketOf(request, claim, mayReturn));
  }

  beat() {
    return this.waits.beat(0);
  }

  inspect(name: string) {
    return this.resources.inspect(lockKey(name));
  }
}

/** Lock nodes over a Redis, or over one of its databases. */
export class LockStage {
  private constructor(
    private readonly server: RedisServer,
    readonly redis: RedisClient,
  ) {}

  static async start(options: RedisServerOptions = {}): Promise<LockStage> {
    const server = await RedisServer.start(options);
    return new LockStage(server, await connect(server.url));
  }

  /** The same Lua, run as scripts: in another database of the same Redis, if not told otherwise, by a user who may not call functions. */
  async withoutFunctions(database = 1): Promise<LockStage> {
    await this.redis.call(
      'ACL',
      'SETUSER',
      'scripts',
      'on',
      '>secret',
      '~*',
      '&*',
      '+@all',
      '-fcall',
      '-function',
    );
    const url = `${this.server.url.replace('redis://', 'redis://scripts:secret@')}/${database}`;
    return new LockStage(this.server, await connect(url));
  }

  /** Nodes that have beaten, in an empty database. */
  async reset<Names extends readonly string[]>(...nodeIds: Names): Promise<{ [I in keyof Names]: LockNode }> {
    await this.redis.flushdb();
    const nodes = nodeIds.map((nodeId) => new LockNode(this.redis, nodeId));
    for (const node of nodes) await node.beat();
    return nodes as { [I in keyof Names]: LockNode };
  }

  /** Resolves when the time of a lease is over, by Redis' clock. */
  pass({ expiresAt }: Lease): Promise<void> {
    return eventually(async () => {
      const [seconds, micros] = await this.redis.time();
      expect(Number(seconds) * 1_000 + Number(micros) / 1_000).toBeGreaterThan(Date.parse(expiresAt));
    });
  }

  /** @param aheadMs of the true time */
  setClock(aheadMs: number): Promise<void> {
    return this.server.setClock(aheadMs);
  }

  /** @param bytes 0: no bound */
  async limitMemory(bytes: number): Promise<void> {
    await this.redis.call('CONFIG', 'SET', 'maxmemory', String(bytes));
  }

  /** Ends the Redis, too. */
  async stop(): Promise<void> {
    this.redis.disconnect();
    await this.server.stop();
  }
}

async function connect(url: string): Promise<RedisClient> {
  const redis = commandConnection(url, 'test');
  await redis.connect();
  return redis;
}
