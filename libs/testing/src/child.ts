import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Watchdog } from '../../../scripts/watchdog.mjs';

/** How long a process may take to print an expected line. Longer than on any busy machine: only a hang takes longer. */
const PRINT_TIMEOUT_MS = 60_000;
const OUTPUT_LINES = 500;

/** Kills all processes of a test run when the run ends early, even by SIGKILL. */
export const watchdog = new Watchdog('SIGKILL');

/** A process under test: it can be killed, frozen and thawed. Its output is kept for error messages. */
export class Child {
  private readonly lines: string[] = [];
  private readonly watchers = new Set<(line: string) => void>();
  /** Resolves to the exit code, null after a signal. */
  readonly exited: Promise<number | null>;

  constructor(
    readonly name: string,
    readonly process: ChildProcess,
  ) {
    this.exited = once(process, 'exit').then(([code]) => code as number | null);
    for (const stream of [process.stdout, process.stderr]) {
      if (stream !== null) createInterface(stream).on('line', (line) => this.keep(line));
    }
    watchdog.watch(process);
  }

  /** The last lines of its output. */
  get output(): string {
    return this.lines.join('\n');
  }

  /** Waits for a matching line of output, including past lines. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const past = this.lines.map((line) => pattern.exec(line)).find((match) => match !== null);
    if (past) return past;
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        this.watchers.delete(watch);
        outcome();
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`${this.name} ${why} before it printed ${pattern}:\n${this.output}`)));
      const watch = (line: string) => {
        const match = pattern.exec(line);
        if (match) settle(() => resolve(match));
      };
      const timer = setTimeout(() => fail(`took more than ${PRINT_TIMEOUT_MS} ms`), PRINT_TIMEOUT_MS);
      this.watchers.add(watch);
      void this.exited.then((code) => fail(`exited with ${code}`));
    });
  }

  /** Sends SIGKILL. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  /** Sends SIGTERM and waits for the end. Returns the exit code. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGCONT');
    this.process.kill('SIGTERM');
    return this.exited;
  }

  /** Sends SIGSTOP: the process keeps its connections but does not answer. */
  freeze(): void {
    this.process.kill('SIGSTOP');
  }

  thaw(): void {
    this.process.kill('SIGCONT');
  }

  private keep(line: string): void {
    this.lines.push(line);
    if (this.lines.length > OUTPUT_LINES) this.lines.shift();
    for (const watch of this.watchers) watch(line);
  }
}
