import type { ChildProcess } from 'node:child_process';

/** Ends the child processes of this process when it ends for any reason: an error, Ctrl-C or SIGKILL. */
export class Watchdog {
  /** @param signal sent to the child processes and all their descendants */
  constructor(signal: NodeJS.Signals);
  /** @param child a process that has just been started */
  watch(child: ChildProcess): void;
  /** @param folder to remove at the end */
  remove(folder: string): void;
}
