import type { Holder, Lease } from '@syncline/contracts';

/** The answer of a node: status, headers, body. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: a body is what the test expects it to be
  readonly body: any;
}

/** One call of a node, as any client makes it. */
export async function call(
  node: { url: string },
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Answer> {
  const response = await fetch(`${node.url}/v1/${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  const text = await response.text();
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: text === '' ? null : JSON.parse(text),
  };
}

export const acquire = (node: { url: string }, name: string, body: object, signal?: AbortSignal) =>
  call(node, 'POST', `locks/${encodeURIComponent(name)}/acquire`, body, signal);

export const release = (node: { url: string }, { name, leaseId }: Pick<Lease, 'name' | 'leaseId'>) =>
  call(node, 'POST', `locks/${encodeURIComponent(name)}/release`, { leaseId });

export const describeLock = async (node: { url: string }, name: string) =>
  (await call(node, 'GET', `locks/${encodeURIComponent(name)}`)).body;

/** A lease as others see it: without the right to it. */
export function shown({ leaseId: _, durability: _level, ...holder }: Lease): Holder {
  return holder;
}

/** A lease as it is shown by a refusal. */
export function refusedBy(lease: Lease): Omit<Holder, 'metadata'> {
  const { metadata: _, ...holder } = shown(lease);
  return holder;
}
