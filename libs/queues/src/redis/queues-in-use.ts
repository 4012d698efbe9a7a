import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { REDIS, type RedisClient, storeError } from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import type { Subscription } from 'rxjs';
import { queueKeys } from './queue.keys.js';

/** What was noted is told after this time, together. */
const TELL_MS = 1_000;
const TOLD_AT_ONCE = 500;
const MOST_KEPT = 1_000;
const MOST_READ = 500;

/**
 * The queues that got messages, were made or were removed, through whichever member: each tells of what it did. In the others nothing
 * changes by itself once they are empty. A member that dies untold changes the membership, and after that any queue may have changed.
 */
@Injectable()
export class QueuesInUse implements OnModuleInit, OnModuleDestroy {
  private readonly telling = new Loop(
    () => this.tell(),
    Number.POSITIVE_INFINITY,
    new Logger(QueuesInUse.name),
  );
  private noted = new Set<string>();
  /** Id of the last entry that was read. */
  private readTo = '0-0';
  private mayBeAny = true;
  private changes: Subscription | undefined;
  /** From now on any queue may have changed. */
  readonly forget = (): void => {
    this.mayBeAny = true;
  };

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly membership: Membership,
  ) {
    this.telling.start();
  }

  onModuleInit(): void {
    this.changes = this.membership.changed.subscribe(this.forget);
    this.redis.on('ready', this.forget);
    this.redis.on('+node', this.forget);
  }

  async onModuleDestroy(): Promise<void> {
    this.changes?.unsubscribe();
    this.redis.off('ready', this.forget);
    this.redis.off('+node', this.forget);
    await this.telling.stop();
  }

  /** Notes a queue when the call has ended, however it did. Returns the call. */
  noteAfter<Reply>(queue: string, call: Promise<Reply>): Promise<Reply> {
    const note = () => {
      this.noted.add(queue);
      this.telling.within(TELL_MS);
    };
    call.then(note, note);
    return call;
  }

  /** The queues that may have changed since the last call, by whichever member; null: any may have. @throws StoreUnavailable */
  async sinceLast(): Promise<readonly string[] | null> {
    const key = queueKeys.inUse();
    const any = this.mayBeAny;
    this.mayBeAny = false;
    try {
      const entries = await (any
        ? this.redis.xrevrange(key, '+', '-', 'COUNT', 1)
        : this.redis.xrange(key, `(${this.readTo}`, '+', 'COUNT', MOST_READ));
      this.readTo = entries.at(-1)?.[0] ?? (any ? '0-0' : this.readTo);
      if (any || entries.length === MOST_READ) return null;
      return [...new Set(entries.flatMap(([, [, queues = '[]']]) => JSON.parse(queues) as string[]))];
    } catch (error) {
      if (any) this.forget();
      throw storeError(error);
    }
  }

  private async tell(): Promise<void> {
    const queues = [...this.noted];
    this.noted = new Set();
    const key = queueKeys.inUse();
    for (let at = 0; at < queues.length; at += TOLD_AT_ONCE) {
      const some = queues.slice(at, at + TOLD_AT_ONCE);
      try {
        await this.redis.xadd(key, 'MAXLEN', '~', MOST_KEPT, '*', 'queues', JSON.stringify(some));
      } catch (error) {
        for (const queue of queues.slice(at)) this.noted.add(queue);
        this.telling.within(TELL_MS);
        throw storeError(error);
      }
    }
  }
}
