import { setTimeout as sleep } from 'node:timers/promises';

/** Timeout of one readiness check, ms. */
const CHECK_MS = 2_000;
const PAUSE_MS = 150;

/** Null when the node is ready, else the reason. */
async function obstacle(url) {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(CHECK_MS) });
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
 * Waits until a node is ready: Redis answers, and the node is a member of its cluster.
 *
 * @param {{ nodeId: string, url: string }} node
 * @param {AbortSignal} signal ends the wait
 * @throws Error with the last reason why the node was not ready
 */
export async function waitUntilReady({ nodeId, url }, signal) {
  for (;;) {
    const reason = await obstacle(url);
    if (reason === null) return;
    if (signal.aborted) throw new Error(`${nodeId} at ${url} is not ready: ${reason}`);
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
  }
}
