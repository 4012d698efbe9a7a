import { parentPort } from 'node:worker_threads';
import { type HeldMessage, Slots, sharedNow } from './slots.js';

/** Most receipts in one call. */
const MAX_RECEIPTS = 1_000;
/** The event loop extends each third of the visibility timeout. Parts of it: after which it is late, and between two looks. */
const LATE = 0.4;
const LOOK = 0.1;
const SHORTEST_LOOK_MS = 20;

/** What the thread is told of a worker. */
export interface GuardedWorker {
  readonly worker: number;
  readonly queue: string;
  readonly visibilityTimeoutMs: number;
  readonly maxBlockedMs: number;
}
/** What the event loop tells the thread: more slots, a worker or a new setting of one, the end of one. */
export type Notice =
  | { readonly memory: SharedArrayBuffer }
  | GuardedWorker
  | { readonly worker: number; readonly ended: true };

/** Extends deliveries, and returns which of them are extended, in order. May throw: it is tried again soon. */
export type Extend = (
  queue: string,
  receipts: readonly string[],
  visibilityTimeoutMs: number,
) => Promise<readonly boolean[]>;

/** Runs in a thread: extends the messages of workers whose event loop is late, until it is late for too long. */
export function standIn(extend: Extend): void {
  const workers = new Map<number, GuardedWorker>();
  const calling = new Set<number>();
  const memory: Slots[] = [];
  let timer: NodeJS.Timeout | undefined;

  const lateMessagesOf = (now: number) => {
    const late = new Map<GuardedWorker, { slots: Slots; message: HeldMessage }[]>();
    for (const slots of memory) {
      for (let slot = 0; slot < Slots.count; slot++) {
        const message = slots.read(slot);
        if (message === undefined) continue;
        const worker = workers.get(message.worker);
        if (worker === undefined || calling.has(worker.worker)) continue;
        const { visibilityTimeoutMs, maxBlockedMs } = worker;
        const isLate = now - message.silentSince > visibilityTimeoutMs * LATE;
        if (!isLate || now - message.seenAt > maxBlockedMs) continue;
        const others = late.get(worker);
        if (others === undefined) late.set(worker, [{ slots, message }]);
        else others.push({ slots, message });
      }
    }
    return late;
  };

  const keep = async (
    { worker, queue, visibilityTimeoutMs }: GuardedWorker,
    late: readonly { slots: Slots; message: HeldMessage }[],
  ) => {
    calling.add(worker);
    try {
      for (let from = 0; from < late.length; from += MAX_RECEIPTS) {
        const some = late.slice(from, from + MAX_RECEIPTS);
        const receipts = some.map(({ message }) => message.receipt);
        const sentAt = sharedNow();
        const extended = await extend(queue, receipts, visibilityTimeoutMs);
        for (const [i, { slots, message }] of some.entries()) if (extended[i]) slots.keep(message, sentAt);
      }
    } catch {
      // The next look tries again.
    } finally {
      calling.delete(worker);
    }
  };

  const look = () => {
    for (const [worker, late] of lateMessagesOf(sharedNow())) void keep(worker, late);
  };

  parentPort?.on('message', (notice: Notice) => {
    if ('memory' in notice) {
      memory.push(new Slots(notice.memory));
      return;
    }
    if ('ended' in notice) workers.delete(notice.worker);
    else workers.set(notice.worker, notice);
    clearInterval(timer);
    if (workers.size === 0) return;
    const shortest = Math.min(...[...workers.values()].map((one) => one.visibilityTimeoutMs));
    timer = setInterval(look, Math.max(SHORTEST_LOOK_MS, shortest * LOOK));
  });
  parentPort?.postMessage('ready');
}
