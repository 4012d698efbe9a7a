import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import type { Environment } from './nodes.js';
import { Survivor } from './survivor.js';

export const exitCodeOfSignal = (signal: NodeJS.Signals): number => EXIT.signal + constants.signals[signal];

/**
 * A command with everything that it starts: a process group, and a session, of its own. Shares our terminal and files.
 * It does not outlive us.
 */
export class CommandGroup {
  /**
   * Resolves to its exit code when the command ends, 128 + n when signal n ended it.
   *
   * @throws {Failure} it cannot be run
   */
  readonly ended: Promise<number>;
  private readonly child: ChildProcess;
  private readonly survivor: Survivor;
  private killTimer: NodeJS.Timeout | undefined;

  /** @param graceMs between SIGTERM and SIGKILL, when it is to end */
  constructor(
    commandLine: readonly string[],
    environment: Environment,
    private readonly graceMs: number,
  ) {
    const [file = '', ...args] = commandLine;
    this.survivor = new Survivor(graceMs);
    this.child = spawn(file, args, { stdio: 'inherit', detached: true, env: { ...environment } });
    if (this.child.pid !== undefined) this.survivor.watch(this.child.pid);
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', (error: NodeJS.ErrnoException) => {
        this.survivor.dismiss();
        reject(cannotRun(file, error));
      });
      this.child.once('exit', (code, signal) => {
        this.endStop();
        this.survivor.dismiss();
        resolve(code ?? exitCodeOfSignal(signal as NodeJS.Signals));
      });
    });
  }

  /** To all of its processes, as a terminal does. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // All of them have ended.
    }
  }

  /** Asks all of it to end, and ends what is left after the grace period, or when the command itself has ended. */
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
