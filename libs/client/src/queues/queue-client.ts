import type { Cluster, Queues } from '@syncline/contracts';
import { Transport, type TransportOptions } from '../transport/transport.js';
import { Queue } from './queue.js';
import type { Handler, Worker } from './worker.js';
import type { WorkerOptions } from './worker-options.js';

/** Queues, through the queue nodes. */
export class QueueClient implements AsyncDisposable {
  private readonly transport: Transport;
  private readonly queues = new Map<string, Queue<never>>();

  constructor(options: TransportOptions) {
    this.transport = new Transport(options);
  }

  /** A queue by its name: always the same object, so that its calls are sent together. */
  queue<Body = unknown>(name: string): Queue<Body> {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = new Queue<never>(this.transport, name);
      this.queues.set(name, queue);
    }
    return queue as unknown as Queue<Body>;
  }

  /** Handles the messages of a queue until the worker is stopped; see {@link Queue.worker}. */
  worker<Body = unknown>(queue: string, handler: Handler<Body>, options?: WorkerOptions): Worker<Body> {
    return this.queue<Body>(queue).worker(handler, options);
  }

  /** All queues with their configuration and counts, page by page. */
  list(prefix = ''): AsyncGenerator<Queues['queues'][number], void, void> {
    return this.transport.list('/v1/queues', 'queues', { prefix });
  }

  /** The queue nodes, as Redis lists them now. */
  cluster(): Promise<Cluster> {
    return this.transport.cluster();
  }

  /** Ends all connections. Stop the workers first. */
  close(): Promise<void> {
    return this.transport.close();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
