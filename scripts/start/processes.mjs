import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { createConcurrently } from 'concurrently';
import { Watchdog } from '../watchdog.mjs';

/** Delay before a process that ended is started again, ms. */
const RESTART_MS = 1_000;
/** pino's number for the level `warn`. */
const WARN = 40;

/** The message of a log line with level `warn` or higher; null for other lines. */
function warningOf(line) {
  try {
    const { level, err, msg } = JSON.parse(line);
    return level >= WARN ? (err ? `${err.type}: ${err.message}` : (msg ?? line)) : null;
  } catch {
    return null;
  }
}

/**
 * Runs commands in parallel, each in its own process group, so that Ctrl-C reaches only this process, which then decides
 * the order of stopping. A process that ends is started again.
 *
 * Each command is `{ name, command, env }`: a shell line, which should start with `exec`.
 */
export class Processes {
  #stopping = false;
  #commands;
  #restarts = new Set();

  /**
   * @param {{ name: string, command: string, env?: Record<string, string> }[]} commands
   * @param {{ dataDir: string, cwd?: string, say: (line: string) => void, onEnd?: (name: string) => void }} options
   *   the output of a process goes to `dataDir/logs/<name>.log`, and warnings of a pino log also to `say`; its process id
   *   is in `dataDir/pids/<name>`; `onEnd` is called when it ends by itself
   */
  constructor(commands, { dataDir, cwd = process.cwd(), say, onEnd = () => {} }) {
    for (const folder of ['logs', 'pids']) mkdirSync(join(dataDir, folder), { recursive: true });
    // No child process may outlive this process.
    const watchdog = new Watchdog('SIGTERM');
    const { commands: running, result } = createConcurrently(commands, {
      controllers: [],
      cwd,
      spawn: (command, options) => {
        const child = spawn('/bin/sh', ['-c', command], { ...options, detached: true });
        watchdog.watch(child);
        return child;
      },
      kill: (pid, signal) => process.kill(pid, signal),
    });
    // Rejects when a process fails; each end is handled below.
    result.catch(() => {});
    this.#commands = running;
    for (const command of running) {
      const lines = new PassThrough();
      const notePid = () => writeFileSync(join(dataDir, 'pids', command.name), `${command.pid}\n`);
      notePid();
      const file = join(dataDir, 'logs', `${command.name}.log`);
      const log = createWriteStream(file);
      for (const output of [command.stdout, command.stderr]) output.subscribe((chunk) => lines.write(chunk));
      createInterface(lines).on('line', (line) => {
        log.write(`${line}\n`);
        const warning = warningOf(line);
        if (warning !== null) say(`[${command.name}] ${warning}`);
      });
      command.close.subscribe(({ exitCode }) => {
        if (this.#stopping) return;
        say(`[${command.name}] ended (${exitCode}), restarting in ${RESTART_MS / 1_000} s; see ${file}`);
        onEnd(command.name);
        const timer = setTimeout(() => {
          this.#restarts.delete(timer);
          command.start();
          notePid();
        }, RESTART_MS);
        this.#restarts.add(timer);
      });
    }
  }

  /** Restarts the processes with these names. */
  restart(names) {
    for (const command of this.#commands) if (names.includes(command.name)) command.kill('SIGTERM');
  }

  /** Sends SIGTERM to all processes, and SIGKILL after `withinMs`. Resolves when all have ended. */
  async stop(withinMs) {
    this.#stopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    const ends = this.#commands
      .filter((command) => command.process !== undefined)
      .map((command) => new Promise((resolve) => command.close.subscribe(resolve)));
    this.#kill('SIGTERM');
    const timer = setTimeout(() => this.#kill('SIGKILL'), withinMs);
    await Promise.all(ends);
    clearTimeout(timer);
  }

  #kill(signal) {
    for (const command of this.#commands) command.kill(signal);
  }
}
