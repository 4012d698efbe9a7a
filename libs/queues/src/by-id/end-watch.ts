import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { StoreUnavailable } from '@syncline/redis';
import { type DisconnectSignal, Drain, Loop, Parked, type ParkedRequest } from '@syncline/runtime';
import { QueueStore } from '../redis/queue.store.js';
import type { End } from '../redis/scripts/by-id.js';

/** How long a lost hint costs. */
const ASK_MS = 1_000;
/** Messages that one script asks for. */
const PORTION = 200;

/** What is waited for. */
interface Asked {
  readonly queue: string;
  readonly messages: readonly string[];
  /** Whether Redis tells this node of every end. Else only of cancels, which all nodes are told of. */
  readonly toBeTold: boolean;
}

/** A request on this node that waits until one of some messages ends. */
export interface EndWaiter extends Asked {
  readonly id: string;
  readonly request: ParkedRequest<EndedMessage | null>;
}

export interface EndedMessage {
  readonly id: string;
  readonly end: End;
}

/**
 * The requests on this node that wait for the end of messages. A hint tells of it; and once a second the node asks for all of
 * them at once, in case the hint was lost.
 */
@Injectable()
export class EndWatch implements OnModuleDestroy {
  private readonly logger = new Logger(EndWatch.name);
  private readonly requests: Parked<EndedMessage | null>;
  private readonly waiters = new Map<string, EndWaiter>();
  /** By queue and message. */
  private readonly waitersOf = new Map<string, Set<EndWaiter>>();
  private readonly asking = new Loop(() => this.askAll(), ASK_MS, this.logger);
  private entered = 0;

  constructor(
    private readonly store: QueueStore,
    drain: Drain,
  ) {
    this.requests = new Parked(drain);
  }

  onModuleDestroy(): void {
    void this.asking.stop();
  }

  /**
   * Enter before asking Redis: a message may end before it answers.
   *
   * @throws ShuttingDown when the process stops
   */
  enter(queue: string, messages: readonly string[], { toBeTold }: Pick<Asked, 'toBeTold'>): EndWaiter {
    const id = String(this.entered++);
    const waiter = { id, queue, messages, toBeTold, request: this.requests.enter(id) };
    if (this.waiters.size === 0) this.asking.start();
    this.waiters.set(id, waiter);
    for (const message of messages) {
      const key = keyOf(queue, message);
      const waiters = this.waitersOf.get(key) ?? new Set();
      this.waitersOf.set(key, waiters.add(waiter));
    }
    return waiter;
  }

  leave(waiter: EndWaiter): void {
    this.requests.delete(waiter.id);
    this.waiters.delete(waiter.id);
    for (const message of waiter.messages) {
      const key = keyOf(waiter.queue, message);
      const waiters = this.waitersOf.get(key);
      waiters?.delete(waiter);
      if (waiters?.size === 0) this.waitersOf.delete(key);
    }
    if (this.waiters.size === 0) void this.asking.stop();
  }

  /** Resolves with the first end, null when the time is over. @throws StoreUnavailable, ShuttingDown, ClientDisconnected */
  wait({ request }: EndWaiter, waitMs: number, disconnect: DisconnectSignal): Promise<EndedMessage | null> {
    return request.wait(Math.max(0, waitMs), () => request.end(null), disconnect);
  }

  /** A message has ended. */
  tell(queue: string, id: string, end: End): void {
    for (const { request } of this.waitersOf.get(keyOf(queue, id)) ?? []) request.end({ id, end });
  }

  /** Asks Redis how the messages of a waiter ended, and tells it. */
  async ask({ queue, messages, toBeTold }: Asked): Promise<void> {
    const ends = await this.store.watch(queue, messages, toBeTold);
    for (const [i, id] of messages.entries()) {
      // Null for all: there is no such queue any more.
      const end = ends === null ? GONE : ends[i];
      if (end) this.tell(queue, id, end);
    }
  }

  /** On a Redis Cluster some queues may be away, and the others not. */
  private async askAll(): Promise<void> {
    const portions = this.portions();
    const outcomes = await Promise.allSettled(portions.map((portion) => this.ask(portion)));
    const away = new Set(
      portions.flatMap(({ queue }, i) => (outcomes[i]?.status === 'rejected' ? [queue] : [])),
    );
    for (const { queue, request } of this.waiters.values()) {
      if (away.has(queue)) request.fail(new StoreUnavailable('Redis cannot be reached.'));
    }
  }

  /** What all wait for, by queue, each message once. */
  private portions(): Asked[] {
    const lines = new Map<string, Omit<Asked, 'messages'> & { readonly messages: Set<string> }>();
    for (const { queue, toBeTold, messages } of this.waiters.values()) {
      const key = keyOf(queue, String(toBeTold));
      const line = lines.get(key) ?? { queue, toBeTold, messages: new Set() };
      lines.set(key, line);
      for (const message of messages) line.messages.add(message);
    }
    return [...lines.values()].flatMap(({ messages, ...line }) =>
      Array.from({ length: Math.ceil(messages.size / PORTION) }, (_, i) => ({
        ...line,
        messages: [...messages].slice(i * PORTION, (i + 1) * PORTION),
      })),
    );
  }
}

const GONE: End = { state: 'gone' };

/** No name and no id has a space. */
const keyOf = (queue: string, message: string) => `${queue} ${message}`;
