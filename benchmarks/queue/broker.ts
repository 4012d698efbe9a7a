import type { Stage } from '../harness/index.js';

/** What every message carries, where it need not be told from the others: 200 bytes. */
export const BODY = 'x'.repeat(200);

/** How long every product waits for an acknowledgement before it delivers again. */
export const VISIBILITY_MS = 1_000;

/** One queue of a product, called as its users call it. */
export interface Broker {
  /** Resolves when it is kept. */
  send(body: string): Promise<unknown>;
  /** Many at once, by what the product has for it. Resolves when all are kept. */
  sendBatch(bodies: readonly string[]): Promise<unknown>;
  /**
   * Has at most `concurrency` messages handled at once, each acknowledged after its handler. Resolves when it
   * consumes, to how it is stopped.
   */
  consume(concurrency: number, handle: (body: string) => unknown): Promise<() => Promise<unknown>>;
  /** Not delivered before that. Absent: the product has no delays. */
  sendDelayed?(body: string, delayMs: number): Promise<unknown>;
  /** How many wait for their time. */
  delayed?(): Promise<number>;
  /** A message of another queue: sent, received, acknowledged. */
  cycleElsewhere?(): Promise<unknown>;
  /**
   * Receives one message and never says more. Absent: the product delivers it again when the connection breaks, or
   * when somebody asks, but not by itself when a time is over.
   */
  hang?(): Promise<unknown>;
  /** Removes all messages. */
  clear(): Promise<unknown>;
  /** Bytes that the store takes now. */
  memory?(): Promise<number>;
  stop(): Promise<unknown>;
}

export interface Peer {
  readonly name: string;
  open(stage: Stage): Promise<Broker>;
}

export const memoryOf = async (redis: { info(section: string): Promise<string> }): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
