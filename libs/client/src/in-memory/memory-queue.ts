import { randomUUID } from 'node:crypto';
import type { Queue, ReceivedMessage } from '@syncline/contracts';
import type { NackOptions, QueueChanges, ReceiveOptions, SendOptions } from '../queues/message.js';

const DEFAULTS = {
  visibilityTimeoutMs: 30_000,
  maxReceives: 5,
  backoff: null as Queue['backoff'],
  maxInFlightPerGroup: 1,
};

interface Stored {
  readonly id: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly groupId: string | null;
  readonly enqueuedAt: string;
  receiveCount: number;
  /** Undefined: it waits. */
  receipt: string | undefined;
  /** Ends its delay, or its visibility timeout. */
  timer: NodeJS.Timeout | undefined;
}

interface Receiver {
  readonly max: number;
  readonly visibilityTimeoutMs: number | undefined;
  readonly take: (messages: ReceivedMessage[]) => void;
}

/** Where dead letters go. */
type SendDead = (queue: string, body: unknown, headers: Readonly<Record<string, string>>) => void;

/** One queue in memory. Messages stand in the order in which they were sent. */
export class MemoryQueue {
  paused = false;
  private configuration: typeof DEFAULTS & { readonly deadLetterQueue: string };
  private readonly messages = new Map<string, Stored>();
  private readonly ids = new Map<string, string>();
  private readonly receivers = new Set<Receiver>();
  private readonly counts = { sent: 0, received: 0, acked: 0, failed: 0, dead: 0 };

  constructor(
    readonly name: string,
    private readonly sendDead: SendDead,
  ) {
    this.configuration = { ...DEFAULTS, deadLetterQueue: `${name}.dead` };
  }

  send(body: unknown, options: SendOptions): { id: string; deduplicated: boolean } {
    const deduplicationId = options.deduplicationId ?? options.deduplication?.id;
    const known = deduplicationId === undefined ? undefined : this.ids.get(deduplicationId);
    if (known !== undefined) return { id: known, deduplicated: true };
    const id = `memory-${this.name}-${this.counts.sent}`;
    if (deduplicationId !== undefined) this.ids.set(deduplicationId, id);
    this.counts.sent += 1;
    const { headers = {}, priority = 0, groupId = null, delayMs = 0 } = options;
    const enqueuedAt = new Date().toISOString();
    const message = { id, body, headers, priority, groupId, enqueuedAt, receiveCount: 0 };
    const stored: Stored = { ...message, receipt: undefined, timer: undefined };
    this.messages.set(id, stored);
    this.delay(stored, delayMs);
    return { id, deduplicated: false };
  }

  receive(options: Omit<ReceiveOptions, 'signal'>, signal?: AbortSignal): Promise<ReceivedMessage[]> {
    const { max = 1, waitMs = 0, visibilityTimeoutMs } = options;
    return new Promise((resolve) => {
      const end = (messages: ReceivedMessage[]) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        this.receivers.delete(receiver);
        resolve(messages);
      };
      const leave = () => end([]);
      const receiver: Receiver = { max, visibilityTimeoutMs, take: end };
      const timer = setTimeout(leave, waitMs);
      signal?.addEventListener('abort', leave);
      this.receivers.add(receiver);
      this.serve();
      if (waitMs === 0 || signal?.aborted) leave();
    });
  }

  /** Gives what is ready to those who wait for it. */
  serve(): void {
    for (const receiver of this.receivers) {
      const messages = this.paused ? [] : this.ready().slice(0, receiver.max);
      if (messages.length === 0) return;
      receiver.take(messages.map((message) => this.deliver(message, receiver.visibilityTimeoutMs)));
    }
  }

  /** @returns whether the delivery was not over */
  end(receipt: string): boolean {
    const message = this.inFlight(receipt);
    if (message === undefined) return false;
    this.remove(message);
    this.counts.acked += 1;
    this.serve();
    return true;
  }

  giveBack(
    receipt: string,
    { delayMs, countsAs = 'failure', dead = false }: NackOptions,
  ): 'requeued' | 'dead' | 'stale' {
    const message = this.inFlight(receipt);
    if (message === undefined) return 'stale';
    if (countsAs === 'none') message.receiveCount -= 1;
    else this.counts.failed += 1;
    if (dead || (countsAs === 'failure' && message.receiveCount >= this.configuration.maxReceives)) {
      this.bury(message);
      return 'dead';
    }
    this.requeue(message, delayMs ?? (countsAs === 'none' ? 0 : this.backOff(message.receiveCount)));
    return 'requeued';
  }

  /** @returns whether the delivery was not over */
  hide(receipt: string, visibilityTimeoutMs: number): boolean {
    const message = this.inFlight(receipt);
    if (message === undefined) return false;
    clearTimeout(message.timer);
    message.timer = setTimeout(() => this.giveBack(receipt, {}), visibilityTimeoutMs).unref();
    return true;
  }

  configure(changes: QueueChanges): void {
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    this.configuration = {
      ...DEFAULTS,
      deadLetterQueue: `${this.name}.dead`,
      ...Object.fromEntries(given),
    };
  }

  inspect(): Queue {
    const all = [...this.messages.values()];
    const inFlight = all.filter(({ receipt }) => receipt !== undefined).length;
    const delayed = all.filter(({ receipt, timer }) => receipt === undefined && timer !== undefined).length;
    const stats = { ...this.counts, inFlight, delayed, ready: all.length - inFlight - delayed };
    return { name: this.name, ...this.configuration, paused: this.paused, stats } as unknown as Queue;
  }

  close(): void {
    for (const { timer } of this.messages.values()) clearTimeout(timer);
    for (const { take } of this.receivers) take([]);
  }

  /** By priority, then in order; of a group one batch at a time, or as many as it may have in flight, and none behind one that waits. */
  private ready(): Stored[] {
    const groups = new Map<string, { inFlight: number; isHeld: boolean }>();
    const ready: Stored[] = [];
    for (const message of this.messages.values()) {
      const group = groups.get(message.groupId ?? message.id) ?? { inFlight: 0, isHeld: false };
      groups.set(message.groupId ?? message.id, group);
      if (message.receipt !== undefined) group.inFlight += 1;
      else if (message.timer !== undefined || group.isHeld) group.isHeld = true;
      else ready.push(message);
    }
    const most = this.configuration.maxInFlightPerGroup;
    const taken = new Map<unknown, number>();
    const admitted = ready.filter(({ groupId, id }) => {
      const { inFlight = 0 } = groups.get(groupId ?? id) ?? {};
      taken.set(groupId ?? id, (taken.get(groupId ?? id) ?? 0) + 1);
      return most === 1 ? inFlight === 0 : inFlight + (taken.get(groupId ?? id) ?? 0) <= most;
    });
    return admitted.sort((a, b) => b.priority - a.priority);
  }

  private deliver(message: Stored, visibilityTimeoutMs = this.configuration.visibilityTimeoutMs) {
    const { id, body, headers, enqueuedAt, priority, groupId } = message;
    const receipt = randomUUID();
    message.receipt = receipt;
    message.receiveCount += 1;
    this.counts.received += 1;
    this.hide(receipt, visibilityTimeoutMs);
    const visibleUntil = new Date(Date.now() + visibilityTimeoutMs).toISOString();
    const { receiveCount } = message;
    // Each delivery has a body of its own, as over the wire.
    const own = { body: structuredClone(body), headers: { ...headers } };
    return { id, ...own, receipt, receiveCount, enqueuedAt, visibleUntil, priority, groupId };
  }

  private inFlight(receipt: string): Stored | undefined {
    return [...this.messages.values()].find((message) => message.receipt === receipt);
  }

  private requeue(message: Stored, delayMs: number): void {
    clearTimeout(message.timer);
    message.receipt = undefined;
    this.delay(message, delayMs);
  }

  private delay(message: Stored, delayMs: number): void {
    message.timer = undefined;
    if (delayMs > 0) message.timer = setTimeout(() => this.delay(message, 0), delayMs).unref();
    else this.serve();
  }

  private bury(message: Stored): void {
    this.remove(message);
    this.counts.dead += 1;
    this.sendDead(this.configuration.deadLetterQueue, message.body, message.headers);
    this.serve();
  }

  private remove(message: Stored): void {
    clearTimeout(message.timer);
    this.messages.delete(message.id);
  }

  private backOff(receiveCount: number): number {
    const { backoff } = this.configuration;
    return backoff === null
      ? 0
      : Math.min(backoff.maxMs, backoff.baseMs * backoff.factor ** (receiveCount - 1));
  }
}
