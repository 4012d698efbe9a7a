import type { Cluster, Queues } from '@syncline/contracts';
import { itemsOf } from '../pages.js';
import type { Tracing } from '../tracing.js';
import type { TransportOptions } from '../transport/transport.js';
import { HeartbeatThread } from './heartbeats/heartbeat-thread.js';
import { HttpQueues } from './http-queues.js';
import { Queue } from './queue.js';
import type { QueuePort } from './queue-port.js';
import { Schedules } from './schedules.js';
import type { AnyHandler, AnyWorkerOptions, BatchHandler, Handler } from './worker/handler.js';
import type { Worker } from './worker/worker.js';
import type { BatchWorkerOptions, WorkerOptions } from './worker/worker-options.js';
import { Workers } from './worker/workers.js';

/** A client over another way to the engine. */
export interface QueuePortOptions extends Pick<TransportOptions, 'tracing'> {
  readonly port: QueuePort;
}

/** Queues. */
export class QueueClient implements AsyncDisposable {
  private readonly port: QueuePort;
  private readonly thread: HeartbeatThread;
  private readonly workers = new Workers();
  private readonly tracing: Tracing | undefined;
  private readonly queues = new Map<string, Queue<never>>();

  constructor(options: TransportOptions);
  /** @internal */
  constructor(options: TransportOptions | QueuePortOptions);
  constructor(options: TransportOptions | QueuePortOptions) {
    this.port = 'port' in options ? options.port : new HttpQueues(options);
    this.thread = new HeartbeatThread(() => this.port.startStandIn());
    this.tracing = options.tracing;
  }

  /** A queue by its name: always the same object, so that its calls are sent together. */
  queue<Body = unknown>(name: string): Queue<Body> {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = new Queue<never>(this.port, this.thread, this.workers, name, this.tracing);
      this.queues.set(name, queue);
    }
    return queue as unknown as Queue<Body>;
  }

  /**
   * Handles the messages of a queue, or of several, until the worker is stopped or this client is closed; see {@link Queue.worker}. Several queues share
   * the `concurrency`, and have turns: none waits for the backlog of another. `message.queue` says which one a message is from.
   *
   * @throws {ValidationError} a duration is not valid; {RangeError} another number is not valid, or a queue is named twice
   */
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
  /** @internal */
  worker<Body = unknown>(
    queues: string | readonly string[],
    handler: AnyHandler<Body>,
    options?: AnyWorkerOptions,
  ): Worker<Body>;
  worker<Body = unknown>(
    queues: string | readonly string[],
    handler: AnyHandler<Body>,
    options: AnyWorkerOptions = {},
  ): Worker<Body> {
    const names = [queues].flat();
    if (names.length === 0 || new Set(names).size < names.length) {
      throw new RangeError('queues: expected one name, or several different ones');
    }
    return this.workers.start(
      names.map((name) => this.queue<Body>(name)),
      handler,
      options,
    );
  }

  /** Messages at certain times, again and again: schedules by their names. */
  get schedules(): Schedules {
    return new Schedules(this.port);
  }

  /** All queues with their configuration and counts, page by page. */
  list(prefix = ''): AsyncGenerator<Queues['queues'][number], void, void> {
    return itemsOf('queues', (from) => this.port.list({ prefix, ...from }));
  }

  /** The queue nodes, as Redis lists them now. */
  cluster(): Promise<Cluster> {
    return this.port.cluster();
  }

  /** Stops the workers gracefully, each within its `stopTimeoutMs`, then ends all connections. */
  async close(): Promise<void> {
    await this.workers.stop();
    await Promise.all([this.port.close(), this.thread.close()]);
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
