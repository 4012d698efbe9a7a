import type { BatchResults, Lease as Grant, Released } from '@syncline/contracts';
import { SynclineError, toError } from '../errors.js';
import { Collector } from '../transport/collector.js';
import { type Call, parse, type Transport } from '../transport/transport.js';

/** Smaller requests keep the client, a node and Redis busy at the same time; still smaller ones cost more than that gains. */
const MAX_OPERATIONS = 32;
const MAX_RENEWALS = 512;
/** Below the limit of a body, 1 MiB. */
const MAX_BATCH_BYTES = 900_000;
/** Of an operation without its metadata and owner. */
const OPERATION_BYTES = 700;

export interface Operation {
  readonly op: 'acquire' | 'renew' | 'release';
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly timeoutMs?: number | undefined;
  readonly attemptTimeoutMs?: number | undefined;
}

/** A body with the moments at which its first and its successful request were sent. */
export interface Timed<T> {
  readonly body: T;
  readonly firstSentAt: number;
  readonly sentAt: number;
}

/** Acquisitions that do not wait, renewals and releases: those of one turn travel in one request. */
export class LockCalls {
  private readonly quick = new Collector<Operation, Timed<unknown>>({
    maxItems: MAX_OPERATIONS,
    maxBytes: MAX_BATCH_BYTES,
    run: (operations) => this.run(operations),
  });
  // Apart from the others: their deadlines are shorter.
  private readonly renewals = new Collector<Operation, Timed<unknown>>({
    maxItems: MAX_RENEWALS,
    run: (operations) => this.run(operations),
  });

  constructor(private readonly transport: Transport) {}

  acquire(name: string, fields: Operation['fields']): Promise<Timed<Grant>> {
    const size = OPERATION_BYTES + (fields.metadata === undefined ? 0 : JSON.stringify(fields).length);
    return this.quick.add({ op: 'acquire', name, fields }, size) as Promise<Timed<Grant>>;
  }

  renew(
    name: string,
    fields: Operation['fields'],
    attemptTimeoutMs: number,
    timeoutMs: number,
  ): Promise<Timed<Grant>> {
    return this.renewals.add({ op: 'renew', name, fields, attemptTimeoutMs, timeoutMs }) as Promise<
      Timed<Grant>
    >;
  }

  /**
   * @param contended whether others may wait for the name: they are parked at its node, which can serve them in the
   *                  step that frees it. Else any node will do, and the one that is asked all the time is quickest.
   */
  release(name: string, leaseId: string, contended: boolean): Promise<Timed<Released>> {
    const operation = { op: 'release', name, fields: { leaseId } } as const;
    const released = contended ? this.alone(operation, name) : this.quick.add(operation, OPERATION_BYTES);
    return released as Promise<Timed<Released>>;
  }

  private async run(operations: readonly Operation[]): Promise<(Timed<unknown> | Error)[]> {
    const [only] = operations;
    if (operations.length === 1 && only !== undefined) return [await this.alone(only)];
    const answer = await this.transport.call({
      method: 'POST',
      path: '/v1/locks/batch',
      body: JSON.stringify({
        operations: operations.map(({ op, name, fields }) => ({ op, name, ...fields })),
      }),
      idempotent: true,
      timeoutMs: least(operations.map(({ timeoutMs }) => timeoutMs)),
      attemptTimeoutMs: least(operations.map(({ attemptTimeoutMs }) => attemptTimeoutMs)),
    });
    const { firstSentAt, sentAt } = answer;
    const { results } = parse<BatchResults>(answer);
    return Promise.all(
      operations.map((operation, i) => {
        const { status, body } = results[i] as BatchResults['results'][number];
        if (status < 300) return { body, firstSentAt, sentAt };
        // What may pass is tried again, each by itself, as a call alone would be.
        if (status >= 502 && status <= 504) return this.again(operation, firstSentAt);
        return toError(status, body);
      }),
    );
  }

  private async again(operation: Operation, firstSentAt: number): Promise<Timed<unknown> | Error> {
    try {
      return { ...(await this.alone(operation)), firstSentAt };
    } catch (error) {
      if (error instanceof SynclineError) return error;
      throw error;
    }
  }

  private async alone(operation: Operation, affinity?: string): Promise<Timed<unknown>> {
    const { op, name, fields, timeoutMs, attemptTimeoutMs } = operation;
    const answer = await this.transport.call({
      ...lockCall(`/v1/locks/${encodeURIComponent(name)}/${op}`, fields),
      ...(affinity === undefined ? {} : { affinity }),
      timeoutMs,
      attemptTimeoutMs,
    });
    return timed(answer);
  }
}

/** Calls of locks carry ids that this client made: they may be repeated. */
export const lockCall = (path: string, body: unknown) =>
  ({ method: 'POST', path, body: JSON.stringify(body), idempotent: true }) satisfies Call;

export const timed = <T>(answer: Awaited<ReturnType<Transport['call']>>): Timed<T> => ({
  body: parse<T>(answer),
  firstSentAt: answer.firstSentAt,
  sentAt: answer.sentAt,
});

const least = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};
