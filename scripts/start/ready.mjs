import { setTimeout as sleep } from 'node:timers/promises';

/** Longest time that one look at a node may take, in ms. */
const LOOK_MS = 2_000;
const PAUSE_MS = 150;

/** Null when the node is ready, else why not. */
async function obstacle(url) {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(LOOK_MS) });
    if (response.ok) return null;
    const { error = {} } = await response.json();
    return Object.entries(error)
      .map(([what, { message = 'down' }]) => `${what}: ${message}`)
      .join(', ');
  } catch (error) {
    return error.cause?.code ?? error.message;
  }
}

/**
 * Waits until a node is ready: it reaches Redis and is a member of its cluster.
 *
 * @param {{ nodeId: string, url: string }} node
 * @param {AbortSignal} signal ends the wait
 * @throws Error with the last reason why it was not ready
 */
export async function waitUntilReady({ nodeId, url }, signal) {
  for (;;) {
    const reason = await obstacle(url);
    if (reason === null) return;
    if (signal.aborted) throw new Error(`${nodeId} at ${url} is not ready: ${reason}`);
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
  }
}
