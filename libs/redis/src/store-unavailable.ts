import { Problem } from '@syncline/contracts';
import { UnknownInstance } from './unknown-instance.js';

/** Redis cannot be reached or refuses writes. The outcome of a command in flight is unknown. */
export class StoreUnavailable extends Problem {
  constructor(detail: string, options?: ErrorOptions) {
    super(
      'store-unavailable',
      `${detail} Try again; with the same ids a repeated call has its effect only once.`,
      {},
      options,
    );
  }
}

/** Whether Redis itself sent this error; ioredis exports the class without a type. */
export const isReplyError = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'ReplyError';

/** Whether Redis answered with an error: it is reachable, and only the effect of the script itself is unknown. */
export const isRefused = (error: unknown): boolean =>
  isReplyError(error instanceof StoreUnavailable ? error.cause : error);

/** Whether Redis did not start a script because it is full. */
export const isFull = (error: unknown): boolean =>
  error instanceof StoreUnavailable && isReplyError(error.cause) && error.cause.message.startsWith('OOM');

/** For a command inside a script, Redis uses a sentence instead of a code: one before version 7.2, another one since then. */
const REFUSED_USER =
  /\b(?:(?:NOAUTH|WRONGPASS|NOPERM)\b.*|(?:The user executing the script can't|ACL failure in script:).*?(?=\.? script:|$))/;

/**
 * The error by which Redis refuses the user or the password of `REDIS_URL`, else undefined. Waiting does not help.
 */
export function refusalOfUser(error: unknown): string | undefined {
  const reply = error instanceof StoreUnavailable ? error.cause : error;
  if (!(reply instanceof Error)) return undefined;
  // For a Redis Cluster, ioredis adds the error of the last node.
  const { lastNodeError } = reply as { lastNodeError?: unknown };
  if (lastNodeError !== undefined) return refusalOfUser(lastNodeError);
  return isReplyError(reply) ? REFUSED_USER.exec(reply.message)?.[0] : undefined;
}

/** Errors by which Redis refuses to serve, although the connection is open. */
const REFUSALS =
  /^(LOADING|READONLY|MASTERDOWN|OOM|MISCONF|NOREPLICAS|CLUSTERDOWN|ASK|TRYAGAIN|BUSY|NOAUTH|WRONGPASS|NOPERM)\b/;

/**
 * Converts the failure of a command: a broken or silent connection and a refusal become {@link StoreUnavailable}, keys in
 * several slots become `cross-slot`. Any other error is a bug and is returned unchanged.
 */
export function storeError(error: unknown): unknown {
  if (error instanceof Problem || error instanceof UnknownInstance || !(error instanceof Error)) return error;
  if (!isReplyError(error)) return new StoreUnavailable('Redis cannot be reached.', { cause: error });
  if (error.message.startsWith('CROSSSLOT')) {
    return new Problem(
      'cross-slot',
      'On Redis Cluster the names in one atomic call must share a {tag}, as in {order-42}:stock.',
    );
  }
  // Scripts and functions append the location of the error: "OOM ... script: NAME, on @user_function:5."
  const refusal = REFUSALS.exec(error.message.replace(/^ERR /, '')) ?? REFUSED_USER.exec(error.message);
  if (refusal) return new StoreUnavailable(`Redis refuses: ${refusal[1] ?? refusal[0]}.`, { cause: error });
  return error;
}

/** Writes errors; implemented by Nest's `Logger`. */
export interface ErrorLog {
  error(error: unknown): void;
}

/** For background work: logs a failure, except an unreachable Redis, which is logged once by `RedisModule`. */
export const logUnlessAway =
  (logger: ErrorLog) =>
  (error: unknown): void => {
    if (!(error instanceof StoreUnavailable)) logger.error(error);
  };
