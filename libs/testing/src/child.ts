import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Watchdog } from '../../../scripts/watchdog.mjs';

/** Longest time that a process may take to print what a test waits for. A busy machine is slow; a hang is for ever. */
const PRINT_TIMEOUT_MS = 60_000;
const OUTPUT_LINES = 500;

/** For every process of a test: a run that ends early, even by SIGKILL, leaves nothing behind. */
export const watchdog = new Watchdog('SIGKILL');

/** A process under test: it can be killed, frozen and thawed, and what it printed is kept for failures. */
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

  /** The last lines that it printed. */
  get output(): string {
    return this.lines.join('\n');
  }

  /** Waits for a line of output that matches, past ones included. */
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

  /** SIGKILL: dies at once, without a word. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  /** SIGTERM, then waits for the end. Returns the exit code. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGCONT');
    this.process.kill('SIGTERM');
    return this.exited;
  }

  /** SIGSTOP: alive, connected, silent. */
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
