import { ConnectionError, DeadlineError, ProblemError, UnexpectedAnswerError } from '@syncline/client';
import { CommanderError } from 'commander';
import { Failure } from './failure.js';

/** What the exit code of every command says. 64 to 78 have their meaning from sysexits.h. */
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
  1    refused, or there is no such thing
  2    wrong arguments, also when a node says so
  69   no node can be reached, or the nodes cannot reach Redis
  75   the lock is not available: try again later
  77   the API key is missing, wrong, or does not allow it
  79   the lease was lost (lock run)
  Of lock run also: the command's own code; 126 it cannot be executed; 127 there is no such command; 128 + n
  it was ended by signal n`;

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
