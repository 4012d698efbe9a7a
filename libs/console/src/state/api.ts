import { signal } from '@preact/signals';
import type { ProblemBody, Role } from '@syncline/contracts';

/** Whether the page may call its node: undefined until that is known. */
export const signedIn = signal<boolean | undefined>(undefined);
export const needsKey = signal(false);

/** An answer that is no success. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<ProblemBody>,
  ) {
    super(problem.detail ?? problem.title ?? `The node answered ${status}.`);
  }
}

/**
 * Calls a node.
 *
 * @param target a role, or the id of a node
 * @throws Refused; Error when the node that served the page does not answer
 */
export async function call<Answer>(
  target: Role | (string & {}),
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await send(`api/${target}/v1/${path}`, method, body);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

/** The same, when the answer is not JSON. */
export const callFor = (target: string, path: string): Promise<Response> =>
  send(`api/${target}/v1/${path}`, 'GET');

async function send(address: string, method: string, body?: unknown): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      ...(body !== undefined && {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  } catch {
    throw new Error('The node that serves this page does not answer.');
  }
  if (response.ok) return response;
  if (response.status === 401) signedIn.value = false;
  throw new Refused(response.status, await response.json().catch(() => ({})));
}

/** The path of something in an address: every part is escaped. */
export const path = (...parts: readonly string[]): string => parts.map(encodeURIComponent).join('/');

interface Standing {
  readonly isSignedIn: boolean;
  readonly needsKey: boolean;
}

/** Asks whether there is a session, and prolongs it. */
export async function askSession(): Promise<void> {
  const response = await send('session', 'GET');
  const standing: Standing = await response.json();
  needsKey.value = standing.needsKey;
  signedIn.value = standing.isSignedIn;
}

/** @throws Refused */
export async function signIn(secret: string): Promise<void> {
  await send('session', 'POST', { secret });
  await askSession();
}

export async function signOut(): Promise<void> {
  await send('session', 'DELETE');
  signedIn.value = false;
}
