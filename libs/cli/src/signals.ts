import { constants } from 'node:os';

/**
 * Signals that do not pass through: they cannot be caught; or stop a process, and stopped we could not renew; or tell
 * of our own children, pipes and faults.
 */
const OURS = new Set<string>([
  ...['SIGKILL', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'],
  ...['SIGCHLD', 'SIGPIPE', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL'],
]);

/** Signals that end no process that does not listen for them. */
export const HARMLESS: ReadonlySet<NodeJS.Signals> = new Set(['SIGCONT', 'SIGURG', 'SIGWINCH']);

/** All that can be passed on, each once: some have two names. */
export const FORWARDED: readonly NodeJS.Signals[] = [
  ...new Map(
    (Object.entries(constants.signals) as [NodeJS.Signals, number][])
      .filter(([name]) => !OURS.has(name))
      .map(([name, number]) => [number, name]),
  ).values(),
];
