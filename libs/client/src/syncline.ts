import type { Cache, CacheOptions } from './cache/cache.js';
import { CacheClient } from './cache/cache-client.js';
import { LockClient } from './locks/lock-client.js';
import type { Queue } from './queues/queue.js';
import { QueueClient } from './queues/queue-client.js';
import type { Schedules } from './queues/schedules.js';
import type { AnyHandler, AnyWorkerOptions, BatchHandler, Handler } from './queues/worker/handler.js';
import type { Worker } from './queues/worker/worker.js';
import type { BatchWorkerOptions, WorkerOptions } from './queues/worker/worker-options.js';
import type { Tracing } from './tracing.js';
import type { TlsOptions } from './transport/tls.js';

/** The nodes of the services that you use, and the options that all of them share. */
export interface SynclineOptions extends TlsOptions {
  /** Base URLs of the lock nodes, such as `['http://localhost:8001', 'http://localhost:8002']`. */
  readonly lock?: readonly string[];
  /** Base URLs of the queue nodes. */
  readonly queue?: readonly string[];
  /** Base URLs of the cache nodes. */
  readonly cache?: readonly string[];
  /** Sent as `Authorization: Bearer ...`. */
  readonly apiKey?: string | undefined;
  /** Deadline of a call with all its retries, not counting `waitMs`. Default 10,000; `Infinity`: none. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether {@link Syncline.close} first releases all locks, permits, sessions and leaderships that this client holds.
   * Their signals abort, and routines that run under them have 5 s to end. Default false: they end with their TTL.
   */
  readonly releaseOnClose?: boolean | undefined;
  /** Traces the calls: `otelTracing()` of `@syncline/otel`. Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

/** Clients that are there already, of the services that are used. */
export interface SynclineClients {
  readonly clients: {
    readonly lock?: LockClient;
    readonly queue?: QueueClient;
    readonly cache?: CacheClient;
  };
}

/** Locks, queues and caches of one deployment. Name the nodes of the services that you use. */
export class Syncline implements AsyncDisposable {
  /** @internal */
  readonly clients: SynclineClients['clients'];

  constructor(options: SynclineOptions);
  /** @internal */
  constructor(options: SynclineOptions | SynclineClients);
  constructor(options: SynclineOptions | SynclineClients) {
    this.clients = 'clients' in options ? options.clients : clientsOfNodes(options);
  }

  /** Locks, semaphores, sessions and elections. */
  get lock(): LockClient {
    return this.clients.lock ?? missing('lock');
  }

  /** A queue by its name; see {@link QueueClient.queue}. */
  queue<Body = unknown>(name: string): Queue<Body> {
    return (this.clients.queue ?? missing('queue')).queue<Body>(name);
  }

  /** Messages at certain times, again and again: schedules by their names. */
  get schedules(): Schedules {
    return (this.clients.queue ?? missing('queue')).schedules;
  }

  /** A cache by its name; see {@link CacheClient.cache}. */
  cache<Value = unknown>(name: string, options?: CacheOptions<Value>): Cache<Value> {
    return (this.clients.cache ?? missing('cache')).cache<Value>(name, options);
  }

  /** Handles the messages of a queue, or of several, until the worker is stopped or this client is closed; see {@link QueueClient.worker}. */
  worker<Body = unknown>(
    queues: string | readonly string[],
    handler: BatchHandler<Body>,
    options: BatchWorkerOptions,
  ): Worker<Body>;
  worker<Body = unknown>(
    queues: string | readonly string[],
    handler: Handler<Body>,
    options?: WorkerOptions,
  ): Worker<Body>;
  worker<Body = unknown>(
    queues: string | readonly string[],
    handler: AnyHandler<Body>,
    options?: AnyWorkerOptions,
  ): Worker<Body> {
    return (this.clients.queue ?? missing('queue')).worker<Body>(queues, handler, options);
  }

  /** Stops the workers gracefully, then ends all connections. With `releaseOnClose` it releases what it holds first. */
  async close(): Promise<void> {
    const { queue, ...others } = this.clients;
    // Handlers may use the others until they have ended.
    await queue?.close();
    await Promise.all(Object.values(others).map((client) => client.close()));
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function clientsOfNodes({ lock, queue, cache, releaseOnClose, ...common }: SynclineOptions) {
  return {
    ...(lock !== undefined && { lock: new LockClient({ ...common, urls: lock, releaseOnClose }) }),
    ...(queue !== undefined && { queue: new QueueClient({ ...common, urls: queue }) }),
    ...(cache !== undefined && { cache: new CacheClient({ ...common, urls: cache }) }),
  };
}

function missing(role: string): never {
  throw new TypeError(
    `No URLs of ${role} nodes. Pass them: new Syncline({ ${role}: ['http://...'] }), or embed({ roles: ['${role}'], ... })`,
  );
}
