import type { ChildProcess } from 'node:child_process';

/** Sees to it that what this process started ends with it, however it ends: by an error, Ctrl-C or SIGKILL. */
export class Watchdog {
  /** @param signal what the processes, and all that they started, are then sent */
  constructor(signal: NodeJS.Signals);
  /** @param child a process that has just been started */
  watch(child: ChildProcess): void;
  /** @param folder that is removed in the end */
  remove(folder: string): void;
}
