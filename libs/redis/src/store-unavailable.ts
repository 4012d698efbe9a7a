import { Problem } from '@syncline/contracts';
import { UnknownInstance } from './unknown-instance.js';

/** Redis cannot be reached or refuses writes. The outcome of a command that was under way is unknown. */
export class StoreUnavailable extends Problem {
  constructor(detail: string, options?: ErrorOptions) {
    super(
      'store-unavailable',
      `${detail} Try again; the same ids make a repeated call have the effect of one.`,
      {},
      options,
    );
  }
}

/** True for an error that Redis itself answered with; ioredis exports the class without a type. */
export const isReplyError = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'ReplyError';

/** True for a failure by which Redis answered: it is there, and nothing is left unknown but what the script had begun. */
export const isRefused = (error: unknown): boolean =>
  isReplyError(error instanceof StoreUnavailable ? error.cause : error);

/** True for a script that a full Redis did not let begin. */
export const isFull = (error: unknown): boolean =>
  error instanceof StoreUnavailable && isReplyError(error.cause) && error.cause.message.startsWith('OOM');

/** Within a script Redis says it in words. */
const REFUSED_USER =
  /\b(?:(?:NOAUTH|WRONGPASS|NOPERM)\b.*|The user executing the script can't.*?(?=\.? script:|$))/;

/**
 * What Redis said of the user and the password of `REDIS_URL` when that is why it cannot be used: waiting does not help.
 */
export function refusalOfUser(error: unknown): string | undefined {
  const reply = error instanceof StoreUnavailable ? error.cause : error;
  if (!(reply instanceof Error)) return undefined;
  // A Redis Cluster tells why its last node could not be used.
  const { lastNodeError } = reply as { lastNodeError?: unknown };
  if (lastNodeError !== undefined) return refusalOfUser(lastNodeError);
  return isReplyError(reply) ? REFUSED_USER.exec(reply.message)?.[0] : undefined;
}

/** Replies by which Redis says that it cannot serve now, though the connection stands. */
const REFUSALS =
  /^(LOADING|READONLY|MASTERDOWN|OOM|MISCONF|NOREPLICAS|CLUSTERDOWN|ASK|TRYAGAIN|BUSY|NOAUTH|WRONGPASS|NOPERM)\b/;

/**
 * Gives the failure of a command its meaning: a broken or silent connection and a refusal are
 * {@link StoreUnavailable}, keys in several slots are `cross-slot`, anything else is a bug and stays as it is.
 */
export function storeError(error: unknown): unknown {
  if (error instanceof Problem || error instanceof UnknownInstance || !(error instanceof Error)) return error;
  if (!isReplyError(error)) return new StoreUnavailable('Redis cannot be reached.', { cause: error });
  if (error.message.startsWith('CROSSSLOT')) {
    return new Problem(
      'cross-slot',
      'The keys of one atomic call must share a {tag} in their names on Redis Cluster, as in {order-42}:stock.',
    );
  }
  // A script or a function says behind the error of its command where that was: "OOM ... script: NAME, on @user_function:5."
  const refusal = REFUSALS.exec(error.message.replace(/^ERR /, '')) ?? REFUSED_USER.exec(error.message);
  if (refusal) return new StoreUnavailable(`Redis refuses: ${refusal[1] ?? refusal[0]}.`, { cause: error });
  return error;
}

/** What a failure is written to; Nest's `Logger` is one. */
export interface ErrorLog {
  error(error: unknown): void;
}

/** For work that nobody waits for: logs its failure, unless Redis is away, which is logged once for all. */
export const logUnlessAway =
  (logger: ErrorLog) =>
  (error: unknown): void => {
    if (!(error instanceof StoreUnavailable)) logger.error(error);
  };
