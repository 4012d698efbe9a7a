/**
 * The outcome of a call for its client. `ok`: success. `refused`: certainly without an effect. `unknown`: no answer, or an
 * answer that does not say whether the call had its effect.
 */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** One call as its client saw it. Times are milliseconds of a monotonic clock that all clients of a run share. */
export interface Operation<Input, Output> {
  readonly client: number;
  readonly kind: string;
  readonly input: Input;
  readonly invokedAt: number;
  /** `Infinity` when the outcome is unknown: the call may have its effect at any later time. */
  readonly respondedAt: number;
  readonly outcome: Outcome;
  readonly output?: Output;
}

/** All calls of a run, as its clients saw them. The checks use nothing else. */
export class History<Input, Output> {
  private readonly all: Operation<Input, Output>[] = [];

  get operations(): readonly Operation<Input, Output>[] {
    return this.all;
  }

  /** Makes a call and records it. `classify` interprets the answer; a thrown error is `unknown`. */
  async record(
    call: { client: number; kind: string; input: Input },
    send: () => Promise<{ outcome: Outcome; output?: Output }>,
  ): Promise<{ outcome: Outcome; output?: Output }> {
    const invokedAt = performance.now();
    const result = await send().catch(() => ({ outcome: 'unknown' }) as const);
    const respondedAt = result.outcome === 'unknown' ? Number.POSITIVE_INFINITY : performance.now();
    this.all.push({ ...call, invokedAt, respondedAt, ...result });
    return result;
  }

  count(outcome: Outcome): number {
    return this.all.filter((operation) => operation.outcome === outcome).length;
  }
}
