import type { BatchResults, Lease as Grant, Released } from '@syncline/contracts';
import { SynclineError, toError, UnexpectedAnswerError } from '../errors.js';
import { Collector } from '../transport/collector.js';
import { type Call, parse, type Transport } from '../transport/transport.js';
import type { CallLimits, Timed } from './lock-port.js';

/** Requests of this size keep client, node and Redis busy in parallel; smaller ones cost more than that gains. */
const MAX_OPERATIONS = 32;
const MAX_RENEWALS = 512;
/** Below the body limit of 1 MiB. */
const MAX_BATCH_BYTES = 900_000;
/** Most UTF-8 bytes for one UTF-16 unit. */
const BYTES_A_CHARACTER = 3;

interface Operation extends Partial<CallLimits> {
  readonly op: 'acquire' | 'renew' | 'release';
  readonly name: string;
  /** The body as JSON, written when the call is made, so that an invalid value fails only that call. */
  readonly body: string;
}

/** Acquisitions that do not wait, renewals and releases. Those of one turn are sent in one request. */
export class LockCalls {
  private readonly quick = new Collector<Operation, Timed<unknown>>({
    maxItems: MAX_OPERATIONS,
    maxBytes: MAX_BATCH_BYTES,
    run: (operations) => this.run(operations),
  });
  // Separate from the others, because their deadlines are shorter.
  private readonly renewals = new Collector<Operation, Timed<unknown>>({
    maxItems: MAX_RENEWALS,
    run: (operations) => this.run(operations),
  });

  constructor(private readonly transport: Transport) {}

  acquire(name: string, fields: object): Promise<Timed<Grant>> {
    const body = JSON.stringify(fields);
    return this.quick.add({ op: 'acquire', name, body }, sizeOf(name, body)) as Promise<Timed<Grant>>;
  }

  renew(name: string, fields: object, limits: CallLimits): Promise<Timed<Grant>> {
    const operation = { op: 'renew', name, body: JSON.stringify(fields), ...limits } as const;
    return this.renewals.add(operation) as Promise<Timed<Grant>>;
  }

  /**
   * @param contended whether others may wait for the name. They are parked at the node of the name, which can grant the
   *                  lock to them in the same step. Without waiters any node will do, and the usual one answers fastest.
   */
  release(name: string, leaseId: string, contended: boolean): Promise<Timed<Released>> {
    const body = JSON.stringify({ leaseId });
    const operation = { op: 'release', name, body } as const;
    const released = contended ? this.alone(operation, name) : this.quick.add(operation, sizeOf(name, body));
    return released as Promise<Timed<Released>>;
  }

  private async run(operations: readonly Operation[]): Promise<(Timed<unknown> | Error)[]> {
    const [only] = operations;
    if (operations.length === 1 && only !== undefined) return [await this.alone(only)];
    const answer = await this.transport.call({
      method: 'POST',
      path: '/v1/locks/batch',
      body: `{"operations":[${operations.map(inBatch).join(',')}]}`,
      idempotent: true,
      timeoutMs: least(operations.map(({ timeoutMs }) => timeoutMs)),
      attemptTimeoutMs: least(operations.map(({ attemptTimeoutMs }) => attemptTimeoutMs)),
    });
    const { firstSentAt, sentAt } = answer;
    const { results } = parse<Partial<BatchResults>>(answer);
    if (results?.length !== operations.length) {
      throw new UnexpectedAnswerError('The answer does not have a result for each operation', answer.status);
    }
    return Promise.all(
      operations.map((operation, i) => {
        const { status, body } = results[i] as BatchResults['results'][number];
        if (status < 300) return { body, firstSentAt, sentAt };
        // Temporary failures are retried, each operation alone.
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
    const { op, name, body, timeoutMs, attemptTimeoutMs } = operation;
    const answer = await this.transport.call({
      method: 'POST',
      path: `/v1/locks/${encodeURIComponent(name)}/${op}`,
      body,
      idempotent: true,
      ...(affinity === undefined ? {} : { affinity }),
      timeoutMs,
      attemptTimeoutMs,
    });
    return timed(answer);
  }
}

const inBatch = ({ op, name, body }: Operation) =>
  `{"op":"${op}","name":${JSON.stringify(name)},${body.slice(1)}`;

const sizeOf = (name: string, body: string) => BYTES_A_CHARACTER * (name.length + body.length) + 32;

/** Lock calls carry ids from this client, so they may be repeated. */
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
