import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Timeout of one readiness check, ms. */
const CHECK_MS = 2_000;
const PAUSE_MS = 150;

/** Null when the node is ready, else the reason. */
async function obstacle(url) {
  try {
    const { status, body } = await get(`${url}/health/ready`);
    if (status === 200) return null;
    const { error = {} } = JSON.parse(body);
    return Object.entries(error)
      .map(([what, { message = 'down' }]) => `${what}: ${message}`)
      .join(', ');
  } catch (error) {
    return error.code ?? error.message;
  }
}

async function get(url) {
  const { get } = url.startsWith('https:') ? https : http;
  // Whatever its certificate says: this process has started the node itself.
  const request = get(url, { rejectUnauthorized: false, signal: AbortSignal.timeout(CHECK_MS) });
  const [response] = await once(request, 'response');
  return { status: response.statusCode, body: await text(response) };
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
