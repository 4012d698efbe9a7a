import type { Worker as Thread } from 'node:worker_threads';
import { textOf, warn } from '../../report.js';
import { Slots, sharedNow } from './slots.js';
import type { GuardedWorker, Notice } from './stand-in.js';

/** How long to wait for the thread, on a busy machine. */
const START_MS = 5_000;

/**
 * A thread that extends messages in work while the event loop is blocked, so that nobody else gets a message whose handler
 * computes for longer than its visibility timeout. It is started with the first message.
 */
export class HeartbeatThread {
  private thread: Thread | undefined;
  private ready: Promise<void> | undefined;
  private isReady = false;
  private workers = 0;
  private readonly memory: Slots[] = [];
  private readonly free: number[] = [];

  constructor(private readonly start: () => Thread) {}

  /** @param maxBlockedMs how long the event loop may be blocked before its messages are given up; 0: no thread */
  guard(queue: string, maxBlockedMs: number): Guard {
    this.workers += 1;
    return new Guard(this, { worker: this.workers, queue, maxBlockedMs });
  }

  /** @returns the slot of the message; undefined when it has none */
  take(worker: number, receipt: string, seenAt: number): number | undefined {
    const slot = this.free.pop() ?? this.grow();
    if (this.slotsOf(slot).take(slot % Slots.count, worker, receipt, seenAt)) return slot;
    this.free.push(slot);
    return undefined;
  }

  leave(slot: number): void {
    this.slotsOf(slot).free(slot % Slots.count);
    this.free.push(slot);
  }

  slotsOf(slot: number): Slots {
    return this.memory[Math.floor(slot / Slots.count)] as Slots;
  }

  /**
   * Resolves when the thread runs; a handler that blocks earlier could lose its message. Undefined when it does already, or
   * cannot be started.
   */
  get starting(): Promise<void> | undefined {
    return this.isReady ? undefined : this.ready;
  }

  tell(notice: Notice): void {
    this.thread ??= this.begin();
    this.thread.postMessage(notice);
  }

  async close(): Promise<void> {
    await this.thread?.terminate();
  }

  private begin(): Thread {
    const thread = this.start();
    this.ready = new Promise((resolve) => {
      const end = () => {
        this.isReady = true;
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, START_MS);
      thread.once('message', end).once('exit', end);
    });
    thread.unref();
    // Without the thread only messages whose handlers block for too long are delivered again.
    return thread.on('error', (error: unknown) =>
      warn(
        `The thread for heartbeats has ended, and a handler that blocks loses its message: ${textOf(error)}`,
      ),
    );
  }

  private grow(): number {
    const first = this.memory.length * Slots.count;
    const slots = new Slots();
    this.memory.push(slots);
    this.tell({ memory: slots.memory });
    for (let slot = first + Slots.count - 1; slot > first; slot--) this.free.push(slot);
    return first;
  }
}

/** Keeps the messages of one worker while the event loop is blocked. */
export class Guard {
  private visibilityTimeoutMs = 0;

  constructor(
    private readonly thread: HeartbeatThread,
    private readonly guarded: Omit<GuardedWorker, 'visibilityTimeoutMs'>,
  ) {}

  /** The visibility timeout of all messages from now on. */
  extendsBy(visibilityTimeoutMs: number): void {
    if (this.guarded.maxBlockedMs === 0 || this.visibilityTimeoutMs === visibilityTimeoutMs) return;
    this.visibilityTimeoutMs = visibilityTimeoutMs;
    this.thread.tell({ ...this.guarded, visibilityTimeoutMs });
  }

  /** As {@link HeartbeatThread.starting}. */
  get starting(): Promise<void> | undefined {
    return this.thread.starting;
  }

  /** @param ageMs how long ago the message may have been handed out. Returns its slot */
  add(receipt: string, ageMs: number): number | undefined {
    if (this.guarded.maxBlockedMs === 0) return undefined;
    return this.thread.take(this.guarded.worker, receipt, sharedNow() - ageMs);
  }

  /** @param ageMs how long ago the event loop extended it */
  extended(slot: number | undefined, ageMs: number): void {
    if (slot === undefined) return;
    this.thread.slotsOf(slot).see(slot % Slots.count, sharedNow() - ageMs);
  }

  /** Whether the thread extended it less than a visibility timeout ago. */
  isKept(slot: number | undefined): boolean {
    if (slot === undefined) return false;
    const keptAt = this.thread.slotsOf(slot).keptAt(slot % Slots.count);
    return sharedNow() - keptAt < this.visibilityTimeoutMs;
  }

  remove(slot: number | undefined): void {
    if (slot !== undefined) this.thread.leave(slot);
  }

  close(): void {
    if (this.visibilityTimeoutMs > 0) this.thread.tell({ worker: this.guarded.worker, ended: true });
  }
}
