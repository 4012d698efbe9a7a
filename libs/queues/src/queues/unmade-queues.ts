import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { StoreUnavailable } from '@syncline/redis';
import { type DisconnectSignal, Drain, Loop, Parked, type ParkedRequest } from '@syncline/runtime';
import { QueueStore } from '../redis/queue.store.js';

/** How long a lost hint costs. */
const LOOK_MS = 1_000;
/** A queue that was not there so lately needs not be asked for: a hint would have told, or the next look does. */
const FRESH_MS = 2_000;
/** A queue that nobody waits for any more is looked for a little longer: as a rule they come back. */
const KEPT_MS = 3_000;

interface Unmade {
  readonly requests: Set<ParkedRequest<boolean>>;
  /** When it was not there, by the monotonic clock, ms. */
  absentAt: number;
  leftAt: number;
}

/**
 * The requests on this node that wait until a queue is made. A hint tells of it; and once a second the node looks for all of them
 * at once, in case the hint was lost.
 */
@Injectable()
export class UnmadeQueues implements OnModuleDestroy {
  private readonly requests: Parked<boolean>;
  private readonly queues = new Map<string, Unmade>();
  private readonly looks = new Loop(() => this.look(), LOOK_MS, new Logger(UnmadeQueues.name));
  private entered = 0;

  constructor(
    private readonly store: QueueStore,
    drain: Drain,
  ) {
    this.requests = new Parked(drain);
  }

  onModuleDestroy(): void {
    void this.looks.stop();
  }

  /**
   * Waits until a queue is there.
   *
   * @returns false when the time is over
   * @throws StoreUnavailable, ShuttingDown, ClientDisconnected
   */
  async wait(queue: string, waitMs: number, disconnect: DisconnectSignal): Promise<boolean> {
    const id = String(this.entered++);
    const request = this.requests.enter(id);
    const unmade = this.enter(queue, request);
    try {
      const isFresh = performance.now() - unmade.absentAt < FRESH_MS;
      if (!isFresh && (await this.store.exists(queue))) return true;
      return await request.wait(waitMs, () => request.end(false), disconnect);
    } finally {
      this.requests.delete(id);
      unmade.requests.delete(request);
      unmade.leftAt = performance.now();
    }
  }

  /** A hint: a queue was made. */
  onMade(queue: string): void {
    const unmade = this.queues.get(queue);
    if (unmade === undefined) return;
    unmade.absentAt = Number.NEGATIVE_INFINITY;
    for (const request of unmade.requests) request.end(true);
  }

  private enter(queue: string, request: ParkedRequest<boolean>): Unmade {
    if (this.queues.size === 0) this.looks.start();
    const never = Number.NEGATIVE_INFINITY;
    const unmade = this.queues.get(queue) ?? { requests: new Set(), absentAt: never, leftAt: never };
    unmade.requests.add(request);
    this.queues.set(queue, unmade);
    return unmade;
  }

  private async look(): Promise<void> {
    const lookedAt = performance.now();
    for (const [queue, { requests, leftAt }] of this.queues) {
      if (requests.size === 0 && lookedAt - leftAt > KEPT_MS) this.queues.delete(queue);
    }
    if (this.queues.size === 0) void this.looks.stop();
    const looks = this.store.names.byKey([...this.queues.keys()]);
    await Promise.all([...looks].map(([key, queues]) => this.lookFor(key, queues, lookedAt)));
  }

  /** On a Redis Cluster some names may be away, and the others not. */
  private async lookFor(key: string, queues: readonly string[], lookedAt: number): Promise<void> {
    try {
      const listed = new Set(await this.store.names.among(key, queues));
      for (const queue of queues) {
        const unmade = this.queues.get(queue);
        // A name is there before its queue.
        if (listed.has(queue) && (await this.store.exists(queue))) this.onMade(queue);
        else if (unmade !== undefined) unmade.absentAt = lookedAt;
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      for (const queue of queues) {
        for (const request of this.queues.get(queue)?.requests ?? []) request.fail(error);
      }
    }
  }
}
