import type { Attempt, ProblemBody, ProblemCode } from '@syncline/contracts';

/** Base class of all errors of this client. `code` is stable; branch on it, or on the class. */
export abstract class SynclineError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** What the headers of a node's answer say. */
export interface ProblemFacts {
  readonly nodeId: string | undefined;
  readonly requestId: string | undefined;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

const NO_FACTS: ProblemFacts = { nodeId: undefined, requestId: undefined, retryAfterMs: undefined };

/** A node refused the call with a problem+json answer. There is one subclass for each `code`. */
export class ProblemError extends SynclineError {
  readonly code: ProblemCode;
  readonly status: number;
  readonly detail: string;
  /** The whole body, including members such as `holders` or `errors`. */
  readonly problem: Readonly<Partial<ProblemBody>>;
  readonly facts: ProblemFacts;

  constructor(
    problem: Pick<ProblemBody, 'code' | 'status' | 'detail' | 'errors'>,
    facts: ProblemFacts = NO_FACTS,
  ) {
    super(`${problem.code}: ${problem.detail}`);
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail;
    this.problem = problem;
    this.facts = facts;
  }
}

/**
 * The request is not valid: `problem.errors` names the fields. Thrown by a node's answer, or by this client before it
 * sends anything; then `facts.nodeId` is undefined.
 */
export class ValidationError extends ProblemError {
  /**
   * An invalid option that this client found.
   *
   * @param path    option or field
   * @param message what is wrong with it
   * @internal
   */
  static local(path: string, message: string): ValidationError {
    const detail = `${path}: ${message}`;
    return new ValidationError({
      code: 'validation-failed',
      status: 400,
      detail,
      errors: [{ path, message }],
    });
  }
}
/** Redis Cluster only: the keys of one atomic call lie in several slots; use a `{tag}`. */
export class CrossSlotError extends ProblemError {}
export class UnauthenticatedError extends ProblemError {}
export class ForbiddenError extends ProblemError {}
/** Unknown queue, cache entry, session or route. */
export class NotFoundError extends ProblemError {}
/** Somebody else holds the lock and the call did not wait. */
export class LockHeldError extends ProblemError {}
/** The wait ended without a result. */
export class WaitTimeoutError extends ProblemError {}
/** The owners wait for each other, and this wait was chosen to give up. `problem.cycle` names the owners. */
export class DeadlockError extends ProblemError {}
/** The lease id was used for a request of another owner, mode or number of permits. */
export class LeaseMismatchError extends ProblemError {}
export class LimitMismatchError extends ProblemError {}
/** The caller that computed the value failed: `detail` says why. */
export class FillFailedError extends ProblemError {}
export class NotAnIntegerError extends ProblemError {}
/** The message is in flight: only one that waits can be rescheduled. */
export class InFlightError extends ProblemError {}
export class QueueFullError extends ProblemError {}
/**
 * The lease, session or receipt is no longer valid. Thrown by a node's answer, or by this client when it could not renew
 * in time by its own monotonic clock; then `facts.nodeId` is undefined and `cause` is the failure of the renewal.
 */
export class LeaseLostError extends ProblemError {
  /**
   * A loss that this client found.
   *
   * @param detail one sentence: what was lost and why
   * @internal
   */
  static local(detail: string, cause?: unknown): LeaseLostError {
    const error = new LeaseLostError({ code: 'lease-lost', status: 410, detail });
    if (cause !== undefined) error.cause = cause;
    return error;
  }
}
/** The condition on the version is not met. */
export class VersionMismatchError extends ProblemError {}
export class PayloadTooLargeError extends ProblemError {}
/** Too many requests: try again after `facts.retryAfterMs`. */
export class RateLimitedError extends ProblemError {}
/** The node failed; its log has the details. */
export class InternalError extends ProblemError {}
/** The nodes cannot reach Redis. The outcome of a write may be unknown. */
export class StoreUnavailableError extends ProblemError {}
/** The node is shutting down, and no other node took the call. */
export class ShuttingDownError extends ProblemError {}

const BY_CODE = {
  'validation-failed': ValidationError,
  'cross-slot': CrossSlotError,
  unauthenticated: UnauthenticatedError,
  forbidden: ForbiddenError,
  'not-found': NotFoundError,
  'method-not-allowed': ProblemError,
  'request-timeout': ProblemError,
  'lock-held': LockHeldError,
  'wait-timeout': WaitTimeoutError,
  deadlock: DeadlockError,
  'limit-mismatch': LimitMismatchError,
  'fill-failed': FillFailedError,
  'not-an-integer': NotAnIntegerError,
  'in-flight': InFlightError,
  'queue-full': QueueFullError,
  'lease-mismatch': LeaseMismatchError,
  'lease-lost': LeaseLostError,
  'version-mismatch': VersionMismatchError,
  'payload-too-large': PayloadTooLargeError,
  'rate-limited': RateLimitedError,
  'headers-too-large': ProblemError,
  'internal-error': InternalError,
  'store-unavailable': StoreUnavailableError,
  'shutting-down': ShuttingDownError,
} as const satisfies Record<ProblemCode, typeof ProblemError>;

/** No node could be reached, or a connection broke. */
export class ConnectionError extends SynclineError {
  readonly code = 'connection-failed';
  /** `not-sent`: the call had no effect. `unknown`: it may have had its effect, but no answer arrived. */
  readonly outcome: 'not-sent' | 'unknown';

  constructor(message: string, outcome: 'not-sent' | 'unknown', options?: ErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** The client does not trust the certificate of the node, or the node speaks no TLS: the message says what to set. It is not tried again. */
export class TlsError extends ConnectionError {}

/** The deadline of the call passed. Whether the call had its effect is unknown; `cause` is the last failure, if any. */
export class DeadlineError extends SynclineError {
  readonly code = 'deadline-exceeded';
}

/** Whether nodes, or Redis behind them, could not be reached: the same call may well succeed later. */
export const isUnavailable = (error: unknown): error is SynclineError =>
  error instanceof ConnectionError ||
  error instanceof DeadlineError ||
  error instanceof StoreUnavailableError ||
  error instanceof ShuttingDownError;

/** Something other than a Syncline node answered: a proxy, or another service at this address. */
export class UnexpectedAnswerError extends SynclineError {
  readonly code = 'unexpected-answer';

  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** A handler finished a message after its visibility timeout: the message is delivered again, or already was. */
export class ReceiptStaleError extends SynclineError {
  readonly code = 'receipt-stale';

  constructor(
    readonly messageId: string,
    readonly receipt: string,
  ) {
    super(`The visibility timeout of message ${messageId} was over: it is delivered again, or already was`);
  }
}

/** The message that a handler has was cancelled: it is not delivered again, and nobody takes its acknowledgement. */
export class CancelledError extends SynclineError {
  readonly code = 'cancelled';

  /** @param reason what the canceller said, null when nothing */
  constructor(
    readonly messageId: string,
    readonly reason: string | null,
  ) {
    super(`Message ${messageId} was cancelled${reason === null ? '' : `: ${reason}`}`);
  }
}

/** The message whose result was waited for is a dead letter. */
export class DeadLetterError extends SynclineError {
  readonly code = 'dead-letter';

  /** @param attempts its deliveries, when, how and why they ended */
  constructor(
    readonly messageId: string,
    readonly attempts: readonly Attempt[],
  ) {
    const reason = attempts.at(-1)?.reason ?? null;
    super(`Message ${messageId} is a dead letter${reason === null ? '' : `: ${reason}`}`);
  }
}

/** A handler took longer than `timeoutMs` of its worker: its message is delivered again. */
export class HandlerTimeoutError extends SynclineError {
  readonly code = 'handler-timeout';

  constructor(
    readonly messageId: string,
    readonly timeoutMs: number,
  ) {
    super(`The handler of message ${messageId} took more than ${timeoutMs} ms`);
  }
}

/** One thing that is wrong with a body, as Standard Schema has it. */
export interface BodyIssue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** The body of a message does not fit the `schema` of the worker: the message becomes a dead letter at once. */
export class InvalidBodyError extends SynclineError {
  readonly code = 'invalid-body';

  constructor(
    readonly messageId: string,
    /** What the schema says is wrong. */
    readonly issues: readonly BodyIssue[],
  ) {
    super(
      `The body of message ${messageId} does not fit: ${issues.map(({ message }) => message).join('; ')}`,
    );
  }
}

const isProblem = (body: unknown): body is ProblemBody =>
  typeof body === 'object' &&
  body !== null &&
  'code' in body &&
  typeof body.code === 'string' &&
  Object.hasOwn(BY_CODE, body.code);

/** Turns the body of a refusal into the error of its code. */
export function toError(status: number, body: unknown, facts: ProblemFacts = NO_FACTS): SynclineError {
  if (isProblem(body)) return new BY_CODE[body.code](body, facts);
  return new UnexpectedAnswerError(`Unexpected HTTP ${status}: not a Syncline problem+json response`, status);
}
