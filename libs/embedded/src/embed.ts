import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { DynamicModule, Type } from '@nestjs/common';
import { CachesModule } from '@syncline/caches';
import { CacheClient, LockClient, QueueClient, Syncline } from '@syncline/client';
import type { EmbedOptions, SynclineClients } from '@syncline/client/ports';
import type { Role } from '@syncline/contracts';
import { LocksModule } from '@syncline/locks';
import { QueuesModule } from '@syncline/queues';
import { EmbeddedCaches } from './caches/embedded-caches.js';
import { toClientError } from './engine/calls.js';
import { Engine } from './engine/engine.js';
import { EmbeddedLocks } from './locks/embedded-locks.js';
import { readOptions, type Settings } from './options.js';
import { EmbeddedQueues } from './queues/embedded-queues.js';

type Clients = SynclineClients['clients'];

/** How the engine of a role is started and called. */
interface Embedded<R extends Role> {
  module(settings: Settings): Type | DynamicModule;
  client(engine: Engine, settings: Settings): NonNullable<Clients[R]>;
}

const ROLES: { readonly [R in Role]: Embedded<R> } = {
  lock: {
    module: ({ lockDurability }) => LocksModule.forRoot({ useFactory: () => lockDurability }),
    client: (engine, { releaseOnClose, tracing }) =>
      new LockClient({ port: new EmbeddedLocks(engine), releaseOnClose, tracing }),
  },
  queue: {
    module: () => QueuesModule,
    client: (engine, { redis, tracing }) =>
      new QueueClient({ port: new EmbeddedQueues(engine, redis), tracing }),
  },
  cache: {
    module: ({ nearCacheBytes }) => CachesModule.withNearCaches(nearCacheBytes),
    client: (engine, { tracing }) => new CacheClient({ port: new EmbeddedCaches(engine), tracing }),
  },
};

/**
 * Starts the engines in this process: locks, queues and caches on nothing but Redis. This process becomes a member of the
 * cluster, beside nodes and other processes. {@link Syncline.close} ends it; until then it keeps the process alive.
 *
 * @throws {ValidationError} an option is not valid
 * @throws {StoreUnavailableError} Redis could not be reached within 5 s
 * @throws {Error} this Redis cannot keep the promises; the message says how to mend it
 */
export async function embed(options: EmbedOptions): Promise<Syncline> {
  try {
    return await start(readOptions(options));
  } catch (error) {
    throw toClientError(error);
  }
}

async function start(settings: Settings): Promise<Syncline> {
  const { roles, redis, timers } = settings;
  const nodeId = memberIdOf(settings.name);
  const starting = roles.map(async (role) => {
    const { module, client } = ROLES[role];
    const engine = await Engine.start({ role, nodeId, redis, timers }, module(settings));
    return [role, client(engine, settings)] as const;
  });
  try {
    return new Syncline({ clients: Object.fromEntries(await Promise.all(starting)) });
  } catch (error) {
    // Those that did start.
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map((each) => each.status === 'fulfilled' && each.value[1].close()));
    throw error;
  }
}

const LONGEST_HOST = 12;

/** No two members have the same id. It says who they are and where they run. */
function memberIdOf(name: string): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9.-]/g, '-')
    .slice(0, LONGEST_HOST);
  return `${name}_${host}_${process.pid}_${randomBytes(3).toString('hex')}`;
}
