import { type ChildProcess, spawn } from 'node:child_process';

export const SHELL = '/bin/sh';

/** Reads the group id, then one more line, from a pipe that only this process holds open. End of file means that it died. */
const SCRIPT =
  'read -r group || exit; read -r word || { kill -TERM "-$group"; sleep "$1" || sleep "$2"; kill -KILL "-$group"; }';

/**
 * A shell that ends the process group of a command when this process is killed: SIGTERM, and SIGKILL after `graceMs`.
 * Does nothing on a system without a shell. Create it before the command starts, which must not run before {@link watch} was called, so that no moment is unwatched.
 */
export class DeathWatch {
  private readonly shell: ChildProcess;
  private watches = false;

  constructor(graceMs: number) {
    // Not every `sleep` takes fractions of a second.
    const seconds = [graceMs / 1_000, Math.ceil(graceMs / 1_000)].map(String);
    const args = ['-c', SCRIPT, 'sh', ...seconds];
    // In its own session, so that signals from the terminal do not reach it.
    this.shell = spawn(SHELL, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.shell.on('error', () => undefined);
    this.shell.stdin?.on('error', () => undefined);
    this.shell.unref();
  }

  watch(groupId: number): void {
    this.watches = true;
    this.shell.stdin?.write(`${groupId}\n`);
  }

  /** Ends the shell, because the command has ended. */
  dismiss(): void {
    this.shell.stdin?.end(this.watches ? 'done\n' : '');
  }
}
