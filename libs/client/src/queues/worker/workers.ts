import type { AnyHandler, AnyWorkerOptions } from './handler.js';
import type { MessageSource } from './message-source.js';
import { Worker } from './worker.js';

/** The workers of a client, until they are stopped. */
export class Workers {
  private readonly started = new Set<{ stop(): Promise<void> }>();

  start<Body>(
    queues: readonly MessageSource<Body>[],
    handler: AnyHandler<Body>,
    options: AnyWorkerOptions,
  ): Worker<Body> {
    const worker = new Worker(queues, handler, options, () => this.started.delete(worker));
    this.started.add(worker);
    return worker;
  }

  /** Gracefully, each within its `stopTimeoutMs`. */
  async stop(): Promise<void> {
    await Promise.all([...this.started].map((worker) => worker.stop()));
  }
}
