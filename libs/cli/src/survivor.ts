import { type ChildProcess, spawn } from 'node:child_process';

/** Reads from a pipe that we alone hold open: its end without a word is our death. */
const SCRIPT = 'read -r word || { kill -TERM "-$1"; sleep "$2" || sleep "$3"; kill -KILL "-$1"; }';

/**
 * A shell that outlives us when we are killed, and then ends the group of a command: SIGTERM, and SIGKILL after
 * `graceMs`. Where there is no shell, nobody does.
 */
export class Survivor {
  private readonly shell: ChildProcess;

  constructor(groupId: number, graceMs: number) {
    // Not every `sleep` knows parts of a second.
    const seconds = [graceMs / 1_000, Math.ceil(graceMs / 1_000)].map(String);
    const args = ['-c', SCRIPT, 'sh', String(groupId), ...seconds];
    // In a session of its own: what is sent to us by a terminal is not meant for it.
    this.shell = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.shell.on('error', () => undefined);
    this.shell.stdin?.on('error', () => undefined);
    this.shell.unref();
  }

  /** The command has ended: there is nothing to do any more. */
  dismiss(): void {
    this.shell.stdin?.end('done\n');
  }
}
