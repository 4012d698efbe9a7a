import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../harness/index.js';

/** Life of every lock: far longer than it is held. */
export const TTL_MS = 30_000;

/** Something that locks by name. `lock` returns how to unlock. */
export interface Locker {
  lock(name: string, worker: number): Promise<() => Promise<unknown>>;
  stop(): Promise<void> | void;
}

export interface Peer {
  readonly name: string;
  /** @param waits whether the locks may be taken, so that `lock` must wait for them */
  open(stage: Stage, waits: boolean): Promise<Locker>;
}

/** Holds a lock for a while. A timer of 1 ms fires later than that: measure what was held. */
export const hold = (ms: number): Promise<void> | void => (ms > 0 ? sleep(ms) : undefined);
