#!/usr/bin/env node
import { type Command, CommanderError } from 'commander';
import { Clients } from './clients.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { explain } from './failure.js';
import { say } from './output.js';
import { makeProgram } from './program.js';

/** Time to leave a cluster, and then for what is open still, before the process exits. */
const LEAVE_MS = 3_000;
const CLOSE_MS = 500;

/** The reader of our output may close it, as `head` does. That is not a failure. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EPIPE';

// A failed write rejects by itself.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const clients = new Clients(process.env);
await run();
const exitWithin = (ms: number) => setTimeout(() => process.exit(), ms).unref();
exitWithin(LEAVE_MS);
void clients.close().finally(() => exitWithin(CLOSE_MS));

async function run(): Promise<void> {
  let running: Command | undefined;
  try {
    await makeProgram(clients, process.env)
      .hook('preAction', (_, command) => {
        running = command;
      })
      .parseAsync();
  } catch (error) {
    process.exitCode = isGone(error) ? EXIT.ok : exitCodeOf(error);
    // Commander has printed its own errors.
    if (!isGone(error) && !(error instanceof CommanderError)) {
      for (const line of explain(error, running)) say(line);
    }
  }
}
