import { ConnectionError, DeadlineError, ProblemError, UnexpectedAnswerError } from '@syncline/client';
import { CommanderError } from 'commander';
import { Failure } from './failure.js';

/** Exit codes of all commands. 64 to 78 are those of sysexits.h. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  unreachable: 69,
  notAvailable: 75,
  notPermitted: 77,
  leaseLost: 79,
  notExecutable: 126,
  notFound: 127,
  /** Plus the number of the signal. */
  signal: 128,
} as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    refused, or not found; something differs (apply --dry-run)
  2    invalid arguments, found here or by a node
  69   no node can be reached, or Redis cannot be reached
  75   the lock is not available: try again later
  77   the API key is missing, wrong, or lacks the right
  79   the lease is over, or was lost (lock run)
  lock run also exits with the code of its command; 126: it cannot be executed; 127: it was not found; 128 + n: signal n
  ended it`;

const BY_PROBLEM: Partial<Record<ProblemError['code'], number>> = {
  'validation-failed': EXIT.usage,
  'lock-held': EXIT.notAvailable,
  'wait-timeout': EXIT.notAvailable,
  deadlock: EXIT.notAvailable,
  unauthenticated: EXIT.notPermitted,
  forbidden: EXIT.notPermitted,
  'lease-lost': EXIT.leaseLost,
  'store-unavailable': EXIT.unreachable,
  'shutting-down': EXIT.unreachable,
};

/** The exit code of an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Failure) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ProblemError) return BY_PROBLEM[error.code] ?? EXIT.failure;
  if (error instanceof ConnectionError || error instanceof DeadlineError) return EXIT.unreachable;
  if (error instanceof UnexpectedAnswerError) return EXIT.unreachable;
  return EXIT.failure;
}
