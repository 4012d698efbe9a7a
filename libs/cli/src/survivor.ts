import { type ChildProcess, spawn } from 'node:child_process';

/** Reads from a pipe that we alone hold open: first the group, then a word; the end of it without one is our death. */
const SCRIPT =
  'read -r group || exit; read -r word || { kill -TERM "-$group"; sleep "$1" || sleep "$2"; kill -KILL "-$group"; }';

/**
 * A shell that outlives us when we are killed, and then ends the group of a command: SIGTERM, and SIGKILL after
 * `graceMs`. Where there is no shell, nobody does. Made before the command is started, which may do much before we
 * are on again.
 */
export class Survivor {
  private readonly shell: ChildProcess;
  private watches = false;

  constructor(graceMs: number) {
    // Not every `sleep` knows parts of a second.
    const seconds = [graceMs / 1_000, Math.ceil(graceMs / 1_000)].map(String);
    const args = ['-c', SCRIPT, 'sh', ...seconds];
    // In a session of its own: what is sent to us by a terminal is not meant for it.
    this.shell = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.shell.on('error', () => undefined);
    this.shell.stdin?.on('error', () => undefined);
    this.shell.unref();
  }

  watch(groupId: number): void {
    this.watches = true;
    this.shell.stdin?.write(`${groupId}\n`);
  }

  /** The command has ended: there is nothing to do any more. */
  dismiss(): void {
    this.shell.stdin?.end(this.watches ? 'done\n' : '');
  }
}
