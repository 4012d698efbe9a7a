/** What the clock of a Redis instance showed, when this process was told of it. */
export interface Reading {
  readonly instance: string;
  readonly redisMs: number;
  /** By the monotonic clock, ms. */
  readonly at: number;
}

/** Ms, by the monotonic clock. */
export const elapsedSince = ({ at }: Reading): number => Math.floor(performance.now() - at);
