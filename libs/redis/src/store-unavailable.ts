import { Problem } from '@syncline/contracts';

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

/** Replies by which Redis says that it cannot serve now, though the connection stands. */
const REFUSALS =
  /^(LOADING|READONLY|MASTERDOWN|OOM|MISCONF|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|BUSY|NOAUTH|WRONGPASS)\b/;

/**
 * Gives the failure of a command its meaning: a broken or silent connection and a refusal are
 * {@link StoreUnavailable}, keys in several slots are `cross-slot`, anything else is a bug and stays as it is.
 */
export function storeError(error: unknown): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error;
  if (!isReplyError(error)) return new StoreUnavailable('Redis cannot be reached.', { cause: error });
  if (error.message.startsWith('CROSSSLOT')) {
    return new Problem(
      'cross-slot',
      'The keys of one atomic call must share a {tag} in their names on Redis Cluster, as in {order-42}:stock.',
    );
  }
  // A script wraps the error of the command that failed in it: "ERR ... @user_script: ... OOM ...".
  const refusal = REFUSALS.exec(error.message.replace(/^ERR /, ''));
  if (refusal) return new StoreUnavailable(`Redis refuses: ${refusal[1]}.`, { cause: error });
  return error;
}
