import { type Command, CommanderError } from 'commander';
import type { Clients, Environment } from './clients.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { explain } from './failure.js';
import { say } from './output.js';
import { makeProgram } from './program.js';

/** The reader of our output may close it, as `head` does. That is not a failure. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EPIPE';

/** Runs a command. One that fails leaves its exit code in `process.exitCode`, and has said why. */
export async function run(
  args: readonly string[],
  clients: Clients,
  environment: Environment,
): Promise<void> {
  let running: Command | undefined;
  try {
    await makeProgram(clients, environment)
      .hook('preAction', (_, command) => {
        running = command;
      })
      .parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = isGone(error) ? EXIT.ok : exitCodeOf(error);
    // Commander has printed its own errors.
    if (!isGone(error) && !(error instanceof CommanderError)) {
      for (const line of explain(error, running)) say(line);
    }
  }
}
