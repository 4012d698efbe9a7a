import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { createConcurrently } from 'concurrently';
import { Watchdog } from '../watchdog.mjs';

/** A process that ended is started again after this long, in ms. */
const RESTART_MS = 1_000;
/** pino's number for the level `warn`. */
const WARN = 40;

/** What a warning (or worse) in a node's log says, in one line; the log has the rest. Null for other lines. */
function warningOf(line) {
  try {
    const { level, err, msg } = JSON.parse(line);
    return level >= WARN ? (err ? `${err.type}: ${err.message}` : (msg ?? line)) : null;
  } catch {
    return null;
  }
}

/**
 * Runs commands side by side, each in a process group of its own, so that Ctrl-C reaches this process alone and
 * it decides who stops first. A process that ends is started again.
 *
 * Each command is `{ name, command, env }`: a line for the shell, which should begin with `exec`.
 */
export class Processes {
  #stopping = false;
  #commands;
  #restarts = new Set();

  /**
   * @param {{ name: string, command: string, env?: Record<string, string> }[]} commands
   * @param {{ dataDir: string, cwd?: string, say: (line: string) => void, onEnd?: (name: string) => void }} options
   *   all that a process prints goes to `dataDir/logs/<name>.log`, the warnings of a pino log to `say` too; its
   *   process id is in `dataDir/pids/<name>`; `onEnd` is called when it ends without having been told to
   */
  constructor(commands, { dataDir, cwd = process.cwd(), say, onEnd = () => {} }) {
    for (const folder of ['logs', 'pids']) mkdirSync(join(dataDir, folder), { recursive: true });
    // Nothing may outlive this process, however it ends.
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
    // Rejects when a process ends badly; each end is handled below.
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
        say(`[${command.name}] ended (${exitCode}), starts again in ${RESTART_MS / 1_000} s; see ${file}`);
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

  /** Tells the processes of these names to end; they are started again. */
  restart(names) {
    for (const command of this.#commands) if (names.includes(command.name)) command.kill('SIGTERM');
  }

  /** SIGTERM to all, SIGKILL after `withinMs` to those that still run. Resolves when all have ended. */
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
