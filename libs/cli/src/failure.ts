import { ConnectionError, DeadlineError, ProblemError, SynclineError, TlsError } from '@syncline/client';

/** Ends the program with an exit code and a message for a person. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const ADVICE: Partial<Record<SynclineError['code'], string>> = {
  'lock-held': 'Wait with --wait 30s, or see who holds it: syncline lock show NAME',
  'wait-timeout': 'See who holds it: syncline lock show NAME',
  unauthenticated: 'Set SYNCLINE_API_KEY to a key of these nodes.',
  forbidden: 'Set SYNCLINE_API_KEY to a key with that right.',
  'store-unavailable':
    'Redis does not answer the nodes, or this command (--redis, SYNCLINE_REDIS). Try again when Redis is back.',
  'shutting-down': 'Try again when the node has restarted.',
  'unexpected-answer': 'Is this the address of a Syncline node? Check --url and SYNCLINE_..._URLS.',
};

/** Describes an error in one or two lines for a person: what happened, and what to do. */
export function explain(error: unknown): string[] {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ProblemError) {
    const { title } = error.problem;
    return lines(title === undefined ? error.detail : `${title}: ${error.detail}`, ADVICE[error.code]);
  }
  if (error instanceof DeadlineError) {
    const { cause } = error;
    return lines(
      cause instanceof Error ? `${message}: ${cause.message}` : message,
      adviceOnConnection(cause),
    );
  }
  if (error instanceof ConnectionError) return lines(message, adviceOnConnection(error));
  return lines(message, error instanceof SynclineError ? ADVICE[error.code] : undefined);
}

const adviceOnConnection = (error: unknown): string =>
  error instanceof TlsError
    ? 'Set --ca or SYNCLINE_CA to a file with the certificate of their authority, and https or http in the URLs.'
    : error instanceof ConnectionError && error.outcome === 'not-sent'
      ? 'Are nodes running there? Set --url or SYNCLINE_LOCK_URLS, SYNCLINE_QUEUE_URLS, SYNCLINE_CACHE_URLS.'
      : 'Is that a healthy Syncline node? The call may have had its effect: check before you repeat it.';

const lines = (what: string, advice: string | undefined): string[] =>
  advice === undefined ? [what] : [what, advice];
