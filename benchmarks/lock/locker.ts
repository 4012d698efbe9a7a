import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName, Stage } from '../harness/index.js';

/** Life of every lock: far longer than it is held. */
export const TTL_MS = 30_000;

/** Something that locks by name. `lock` returns how to unlock. */
export interface Locker {
  lock(name: string, worker: number): Promise<() => Promise<unknown>>;
  stop(): Promise<void> | void;
}

/** Starts servers, or knows where they are. */
export interface Servers extends Pick<Stage, 'nodes'> {
  redis(): Promise<{ readonly url: string }>;
  service(name: ServiceName): Promise<{ readonly address: string }>;
}

export interface Peer {
  readonly name: string;
  /** @param waits whether the locks may be taken, so that `lock` must wait for them */
  open(servers: Servers, waits: boolean): Promise<Locker>;
}

/**
 * Holds a lock for that long, or longer. Timers of Node count whole milliseconds of its loop, so one of 1 ms fires
 * after 0.1 to 1.2 ms: sooner where the loop was woken meanwhile, which would favour peers that send more messages.
 */
export async function hold(ms: number): Promise<void> {
  const until = performance.now() + ms;
  await sleep(ms);
  while (performance.now() < until) await nextTurn();
}
