import type { Outcome } from '../core/history.js';
import type { Input, Output } from './model.js';

/** A client gives up after this; what it asked for may still happen. */
const TIMEOUT_MS = 1_500;

export type Answer = { outcome: Outcome; output?: Output };

const urlOf = (node: string, key: string) => `${node}/v1/caches/c/entries/${key}`;
const versionIn = (response: Response) => response.headers.get('etag')?.slice(1, -1) ?? null;

/** Reads a key through a node. */
export async function get(node: string, key: string): Promise<Answer> {
  const response = await fetch(urlOf(node, key), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await response.text();
  const source = response.headers.get('x-cache') ?? undefined;
  if (response.status === 200) {
    return { outcome: 'ok', output: { value: text, version: versionIn(response), source } };
  }
  if (response.status === 404) return { outcome: 'ok', output: { value: null, version: null, source } };
  return { outcome: 'refused' };
}

/** Writes a key through a node; with `expected`, only when the key has that version. */
export async function put(node: string, { key, value = '', expected, tags = [] }: Input): Promise<Answer> {
  const headers = { 'Content-Type': 'text/plain', ...(expected && { 'If-Match': `"${expected}"` }) };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const query = tags.length > 0 ? `?tags=${tags.join(',')}` : '';
  const response = await fetch(`${urlOf(node, key)}${query}`, {
    method: 'PUT',
    body: value,
    headers,
    signal,
  });
  await response.text();
  if (response.ok) return { outcome: 'ok', output: { value, version: versionIn(response) } };
  return { outcome: response.status === 412 ? 'refused' : 'unknown' };
}

export async function remove(node: string, key: string): Promise<Answer> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(urlOf(node, key), { method: 'DELETE', signal });
  await response.text();
  return response.status === 204
    ? { outcome: 'ok', output: { value: null, version: null } }
    : { outcome: 'unknown' };
}

const asJson = (body: object) => ({
  body: JSON.stringify(body),
  headers: { 'Content-Type': 'application/json' },
  signal: AbortSignal.timeout(TIMEOUT_MS),
});

/** Configures the cache; what is not given gets its default. */
export async function configure(node: string, config: object): Promise<void> {
  const response = await fetch(`${node}/v1/caches/c`, { method: 'PUT', ...asJson(config) });
  if (!response.ok) throw new Error(await response.text());
}

/** Removes all entries of the cache. */
export async function flush(node: string): Promise<void> {
  const response = await fetch(`${node}/v1/caches/c`, { method: 'DELETE' });
  if (!response.ok) throw new Error(await response.text());
}

/** How many entries Redis holds of the cache, those included that are not swept yet. */
export async function entriesIn(node: string): Promise<number> {
  const response = await fetch(`${node}/v1/caches/c`);
  const cache = (await response.json()) as { stats: { entries: number } };
  return cache.stats.entries;
}

/** Invalidates entries of the cache by tag or by prefix. */
export async function invalidate(
  node: string,
  what: { tags: readonly string[] } | { prefix: string },
): Promise<Answer> {
  const response = await fetch(`${node}/v1/caches/c/invalidate`, { method: 'POST', ...asJson(what) });
  await response.text();
  return response.ok ? { outcome: 'ok', output: { value: null, version: null } } : { outcome: 'unknown' };
}
