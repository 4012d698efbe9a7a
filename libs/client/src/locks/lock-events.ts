import { SynclineError } from '../errors.js';
import type { Transport } from '../transport/transport.js';

/** Comment lines, which the node sends to show that it is alive. */
const KEEP_ALIVE = /^(:[^\n]*\n+)+$/;

/** Yields when the stream of server-sent events begins, and for each event or part of one. Ends when its node is gone. */
export async function* watchLock(
  transport: Transport,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<unknown, void, void> {
  const stream = await transport.events(path, { accept: 'text/event-stream' }, signal);
  try {
    yield;
    for await (const part of stream) if (!KEEP_ALIVE.test(String(part))) yield;
  } catch (error) {
    if (!isBroken(error)) throw error;
  } finally {
    stream.destroy();
  }
}

/** The stream broke off: its node is gone. */
const isBroken = (error: unknown) =>
  error instanceof Error &&
  !(error instanceof SynclineError) &&
  ('code' in error || error.name === 'AbortError');
