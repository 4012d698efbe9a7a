import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('watchdog.sh', import.meta.url));

/** Ends the child processes of this process when it ends for any reason: an error, Ctrl-C or SIGKILL. */
export class Watchdog {
  #signal;
  #input = null;
  #watched = 0;

  /** @param {NodeJS.Signals} signal sent to the child processes and all their descendants */
  constructor(signal) {
    this.#signal = signal;
  }

  /** @param {import('node:child_process').ChildProcess} child a process that has just been started */
  watch(child) {
    const { pid } = child;
    // The process could not be started.
    if (pid === undefined) return;
    this.#watch(`watch ${pid}`);
    child.once('exit', () => this.#forget(`forget ${pid}`));
  }

  /** @param {string} folder to remove at the end */
  remove(folder) {
    this.#watch(`remove ${folder}`);
  }

  #watch(line) {
    this.#input ??= this.#start();
    this.#watched += 1;
    this.#input.write(`${line}\n`);
  }

  #forget(line) {
    this.#input.write(`${line}\n`);
    this.#watched -= 1;
    if (this.#watched > 0) return;
    this.#input.end();
    this.#input = null;
  }

  #start() {
    // In its own session, so that Ctrl-C does not end it before its work is done.
    const script = spawn('/bin/sh', [SCRIPT, this.#signal.slice('SIG'.length)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    script.unref();
    script.stdin.unref();
    return script.stdin;
  }
}
