import { Problem } from '@syncline/contracts';
import type { Redis } from 'ioredis';
import { gather } from '../connection/gather.js';
import { identify, runIdOf } from '../connection/run-id.js';
import { StoreUnavailable, storeError } from '../store-unavailable.js';
import { CONFIRMATIONS } from './confirmation.js';
import { NotDurable, type SafeLevel } from './not-durable.js';

/** A reply that is held. */
interface Held {
  /** Of the process of Redis that replied. */
  readonly runId: string;
  /** A key of the primary that replied, which is used for nothing else. */
  readonly mark: string;
  readonly settle: (error?: unknown) => void;
}

/**
 * Confirms what one primary replied. One question is under way at a time, and what comes meanwhile is the next one. A question
 * blocks the connection that asks, so that is one of its own.
 */
export class GroupCommit {
  private gathered: Held[] = [];
  private underWay = false;
  private connection: Redis | undefined;

  /** @param replies the connection that the replies come from */
  constructor(
    private readonly replies: Redis,
    private readonly level: SafeLevel,
  ) {}

  /**
   * Resolves when what a process of Redis replied before is confirmed.
   *
   * @param endsAt by `performance.now()`
   * @throws NotDurable, StoreUnavailable
   */
  join(runId: string, mark: string, endsAt: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new NotDurable(this.level)), endsAt - performance.now());
      const settle = (error?: unknown) => {
        clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.gathered.push({ runId, mark, settle });
      if (this.underWay) return;
      this.underWay = true;
      process.nextTick(() => void this.run());
    });
  }

  close(): void {
    this.connection?.disconnect();
  }

  private async run(): Promise<void> {
    while (this.gathered.length > 0) {
      const held = this.gathered;
      this.gathered = [];
      await this.confirm(held);
    }
    this.underWay = false;
  }

  private async confirm(held: readonly Held[]): Promise<void> {
    const { runId, mark } = held.at(-1) as Held;
    try {
      const redis = await this.connectionTo(runId);
      await CONFIRMATIONS[this.level](redis, mark);
      // What another process replied, from which this one took over, it need not have.
      for (const each of held) each.settle(each.runId === runId ? undefined : takenOver());
    } catch (error) {
      if (!(error instanceof NotDurable)) this.close();
      const known = storeError(error);
      const cause =
        known instanceof Problem ? known : new NotDurable(this.level, undefined, { cause: error });
      for (const { settle } of held) settle(cause);
    }
  }

  /** It is never made again by itself, so all that is sent on it reaches one process. */
  private async connectionTo(runId: string): Promise<Redis> {
    const last = this.connection;
    if (last?.status === 'ready' && (await runIdOf(last)) === runId) return last;
    this.close();
    const redis = this.replies.duplicate({
      enableOfflineQueue: false,
      lazyConnect: true,
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
      reconnectOnError: null,
    });
    this.connection = redis;
    gather(redis);
    identify(redis);
    // The connection that the replies come from reports it, too.
    redis.on('error', () => {});
    await redis.connect();
    if ((await runIdOf(redis)) !== runId) throw takenOver();
    return redis;
  }
}

const takenOver = () => new StoreUnavailable('Another Redis has taken over.');
