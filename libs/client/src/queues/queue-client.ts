import type { Cluster, Queues } from '@syncline/contracts';
import { itemsOf } from '../pages.js';
import type { TransportOptions } from '../transport/transport.js';
import { HeartbeatThread } from './heartbeats/heartbeat-thread.js';
import { HttpQueues } from './http-queues.js';
import { Queue } from './queue.js';
import type { QueuePort } from './queue-port.js';
import { Schedules } from './schedules.js';
import type { Handler, Worker } from './worker.js';
import type { WorkerOptions } from './worker-options.js';

/** A client over another way to the engine. */
export interface QueuePortOptions {
  readonly port: QueuePort;
}

/** Queues. */
export class QueueClient implements AsyncDisposable {
  private readonly port: QueuePort;
  private readonly thread: HeartbeatThread;
  private readonly queues = new Map<string, Queue<never>>();

  constructor(options: TransportOptions);
  /** @internal */
  constructor(options: TransportOptions | QueuePortOptions);
  constructor(options: TransportOptions | QueuePortOptions) {
    this.port = 'port' in options ? options.port : new HttpQueues(options);
    this.thread = new HeartbeatThread(() => this.port.startStandIn());
  }

  /** A queue by its name: always the same object, so that its calls are sent together. */
  queue<Body = unknown>(name: string): Queue<Body> {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = new Queue<never>(this.port, this.thread, name);
      this.queues.set(name, queue);
    }
    return queue as unknown as Queue<Body>;
  }

  /** Handles the messages of a queue until the worker is stopped; see {@link Queue.worker}. */
  worker<Body = unknown>(queue: string, handler: Handler<Body>, options?: WorkerOptions): Worker<Body> {
    return this.queue<Body>(queue).worker(handler, options);
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

  /** Ends all connections. Stop the workers first. */
  async close(): Promise<void> {
    await Promise.all([this.port.close(), this.thread.close()]);
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
