import { constants } from 'node:os';

/**
 * Signals that are not forwarded: those that cannot be caught, those that stop a process (a stopped process cannot renew),
 * and those about our own children, pipes and faults.
 */
const NOT_FORWARDED = new Set<string>([
  ...['SIGKILL', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'],
  ...['SIGCHLD', 'SIGPIPE', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL'],
]);

/** Signals that do not end a process by default. */
export const HARMLESS: ReadonlySet<NodeJS.Signals> = new Set(['SIGCONT', 'SIGURG', 'SIGWINCH']);

/** The signals to forward, each once: some have two names. */
export const FORWARDED: readonly NodeJS.Signals[] = [
  ...new Map(
    (Object.entries(constants.signals) as [NodeJS.Signals, number][])
      .filter(([name]) => !NOT_FORWARDED.has(name))
      .map(([name, number]) => [number, name]),
  ).values(),
];
