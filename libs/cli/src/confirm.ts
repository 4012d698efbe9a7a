import { createInterface } from 'node:readline';
import type { ClientOptions } from './clients.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';

/** Options of a command that asks. */
export interface Confirmed extends ClientOptions {
  readonly yes?: boolean;
}

/**
 * Asks a person before something is lost.
 *
 * @param isSaid they have said so: `--yes`
 * @throws {Failure} they do not want it, or nobody is there to be asked
 */
export async function confirm(what: string, isSaid: boolean | undefined): Promise<void> {
  if (isSaid) return;
  if (!process.stdin.isTTY) throw new Failure(`${what}? Pass --yes to say so.`, EXIT.usage);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await new Promise<string>((resolve) => {
    terminal.once('close', () => resolve(''));
    terminal.question(`${what}? [y/N] `, resolve);
  });
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Failure('nothing was done', EXIT.failure);
}
