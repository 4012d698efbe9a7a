import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import type { Environment } from './clients.js';
import { DeathWatch, SHELL } from './death-watch.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';

export const exitCodeOfSignal = (signal: NodeJS.Signals): number => EXIT.signal + constants.signals[signal];

/** Becomes the command at a word of ours. When this process is killed before, the word never comes, and it ends. */
const GATE = 'read -r word <&3 || exit; exec 3<&-; exec "$@"';

/**
 * A command with everything that it starts, in its own process group and session. It shares our terminal and files, and
 * ends when this process ends.
 */
export class CommandGroup {
  /**
   * Resolves to the exit code of the command; 128 + n when signal n ended it.
   *
   * @throws {Failure} the command cannot be run
   */
  readonly ended: Promise<number>;
  private readonly child: ChildProcess;
  private readonly deathWatch: DeathWatch;
  private killTimer: NodeJS.Timeout | undefined;

  /** @param graceMs time between SIGTERM and SIGKILL */
  constructor(
    commandLine: readonly string[],
    environment: Environment,
    private readonly graceMs: number,
  ) {
    const [file = '', ...args] = existsSync(SHELL) ? [SHELL, '-c', GATE, 'sh', ...commandLine] : commandLine;
    this.deathWatch = new DeathWatch(graceMs);
    this.child = spawn(file, args, {
      stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
      detached: true,
      env: { ...environment },
    });
    const gate = this.child.stdio[3] as Writable;
    // It may have ended already, by a signal.
    gate.on('error', () => undefined);
    if (this.child.pid !== undefined) this.deathWatch.watch(this.child.pid);
    gate.end('go\n');
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', (error: NodeJS.ErrnoException) => {
        this.deathWatch.dismiss();
        reject(cannotRun(file, error));
      });
      this.child.once('exit', (code, signal) => {
        this.endStop();
        this.deathWatch.dismiss();
        resolve(code ?? exitCodeOfSignal(signal as NodeJS.Signals));
      });
    });
  }

  /** Sends a signal to all processes of the group, as a terminal does. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // All processes have ended.
    }
  }

  /** Sends SIGTERM to the group, and SIGKILL after the grace period or as soon as the command itself has ended. */
  stop(): void {
    this.signal('SIGTERM');
    this.killTimer = setTimeout(() => this.signal('SIGKILL'), this.graceMs);
  }

  private endStop(): void {
    if (this.killTimer === undefined) return;
    clearTimeout(this.killTimer);
    this.signal('SIGKILL');
  }
}

function cannotRun(file: string, error: NodeJS.ErrnoException): Failure {
  return error.code === 'ENOENT'
    ? new Failure(`${file}: there is no such command`, EXIT.notFound)
    : new Failure(`${file} cannot be executed: ${error.message}`, EXIT.notExecutable);
}
