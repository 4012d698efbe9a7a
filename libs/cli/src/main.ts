#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { explain } from './failure.js';
import { say } from './output.js';
import { makeProgram } from './program.js';

/** For what still is on its way to a node when all is done, such as giving back a lock that nobody waits for any more. */
const LAST_WORDS_MS = 500;

/** Who reads us may go, as `head` does: that is no failure. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EPIPE';

// A write that fails says so by itself.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  await makeProgram(process.env).parseAsync();
} catch (error) {
  process.exitCode = isGone(error) ? EXIT.ok : exitCodeOf(error);
  // Commander has told its own.
  if (!isGone(error) && !(error instanceof CommanderError)) for (const line of explain(error)) say(line);
}
setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
