import type { Random } from '../core/random.js';

export interface Message {
  readonly id: string;
  readonly body: Body;
  readonly receipt: string;
  readonly receiveCount: number;
  readonly enqueuedAt: string;
  readonly visibleUntil: string;
}

/** What the traffic sends: the `k`-th message of producer `p`, and what should be done with it. */
export interface Body {
  readonly p: number;
  readonly k: number;
  readonly delayMs: number;
  readonly poison: boolean;
}

export type Answer = { readonly status: number; readonly body: Record<string, unknown> };

/** Of the messages of a send. */
export const idsOf = ({ body }: Answer) => (body.messages as { id: string }[]).map(({ id }) => id);

const TIMEOUT_MS = 3_000;

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/** Calls any node by plain HTTP. Throws when there is no answer. */
export const call = (url: string, method: Method, path: string, body?: unknown, timeoutMs?: number) =>
  callRoute(url, method, `queues/${path}`, body, timeoutMs);

export const callSchedule = (url: string, method: Method, path: string, body?: unknown) =>
  callRoute(url, method, `schedules/${path}`, body);

async function callRoute(
  url: string,
  method: Method,
  route: string,
  body?: unknown,
  timeoutMs = TIMEOUT_MS,
): Promise<Answer> {
  const response = await fetch(`${url}/v1/${route}`, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
}

/** One of the nodes that a client may call just now. */
export const anyOf = (urls: () => readonly string[], random: Random): string => random.pick(urls());
