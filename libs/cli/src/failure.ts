import { ConnectionError, DeadlineError, ProblemError, SynclineError, TlsError } from '@syncline/client';
import type { Command } from 'commander';

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

/** Options whose names differ from the fields that they fill in, by the fields. */
const OPTIONS: Readonly<Record<string, string>> = {
  ttlMs: '--ttl',
  waitMs: '--wait',
  delayMs: '--delay',
  groupId: '--group',
  deduplicationId: '--deduplication-id',
  everyMs: '--every',
  timeZone: '--time-zone',
  jitterMs: '--jitter',
  startAt: '--start',
  endAt: '--end',
};

/** What a node or the client says of fields, said of the options of the command. */
function inOptions({ detail, problem }: ProblemError, command: Command | undefined): string {
  const options = new Set(command?.options.map(({ long }) => long));
  return (problem.errors ?? []).reduce((text, { path }) => {
    const field = path.slice(path.lastIndexOf('.') + 1);
    const option = Object.hasOwn(OPTIONS, field) ? OPTIONS[field] : `--${field}`;
    return option !== undefined && options.has(option) ? text.replace(`${path}:`, () => `${option}:`) : text;
  }, detail);
}

/**
 * Describes an error in one or two lines for a person: what happened, and what to do.
 *
 * @param command the one that failed
 */
export function explain(error: unknown, command?: Command): string[] {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ProblemError) {
    const { title } = error.problem;
    const detail = inOptions(error, command);
    return lines(title === undefined ? detail : `${title}: ${detail}`, ADVICE[error.code]);
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
