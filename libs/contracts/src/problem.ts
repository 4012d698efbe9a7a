import { z } from 'zod';
import { realmFields } from './realms.js';

/**
 * Every error of a node: its stable `code`, its HTTP status and its title.
 * Clients branch on the code; the title and the detail are for people.
 */
export const PROBLEMS = {
  'validation-failed': { status: 400, title: 'The request is not valid' },
  'cross-slot': { status: 400, title: 'The keys of one atomic call lie in several cluster slots' },
  unauthenticated: { status: 401, title: 'An API key is required' },
  forbidden: { status: 403, title: 'The call is not allowed' },
  'not-found': { status: 404, title: 'There is no such resource' },
  'method-not-allowed': { status: 405, title: 'The route does not support this method' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'lock-held': { status: 409, title: 'Somebody else holds the lock' },
  'wait-timeout': { status: 409, title: 'The wait ended without a result' },
  deadlock: { status: 409, title: 'The owners wait for each other' },
  'limit-mismatch': { status: 409, title: 'The semaphore has another limit' },
  'fill-failed': { status: 409, title: 'The caller that computed the value failed' },
  'not-an-integer': { status: 409, title: 'The stored value is not an integer' },
  'in-flight': { status: 409, title: 'The message is in flight' },
  'queue-full': { status: 409, title: 'The queue is full' },
  'lease-mismatch': { status: 409, title: 'The lease id belongs to another request' },
  'lease-lost': { status: 410, title: 'The lease is no longer held' },
  'version-mismatch': { status: 412, title: 'The condition on the version is not met' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'headers-too-large': { status: 431, title: 'The head of the request is too large' },
  'internal-error': { status: 500, title: 'The node failed to answer' },
  'store-unavailable': { status: 503, title: 'Redis cannot be reached or refuses writes' },
  'shutting-down': { status: 503, title: 'The node is shutting down' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The `application/problem+json` body of RFC 9457, as every node sends it. */
export const problemSchema = z
  .looseObject({
    type: z.string().describe('URN of the code'),
    title: z.string().describe('What the code means'),
    status: z.int().describe('HTTP status'),
    detail: z.string().describe('What happened and what to do, for people'),
    instance: z.string().describe('Path of the request'),
    code: z
      .enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]])
      .describe('Stable: programs branch on it. Some codes have more members, such as `holders`'),
    errors: z
      .array(
        z.strictObject({
          path: z.string().describe('Of the field; `body` for the whole'),
          message: z.string().describe('What was expected there'),
        }),
      )
      .optional()
      .describe('What is wrong in the request, the first 20; `more` tells how many others there are'),
  })
  .register(realmFields, { kind: 'problem' })
  .meta({
    example: {
      type: 'urn:syncline:problem:validation-failed',
      title: PROBLEMS['validation-failed'].title,
      status: 400,
      detail: 'ttlMs: expected at least 100',
      instance: '/v1/locks/invoice-42/acquire',
      code: 'validation-failed',
      errors: [{ path: 'ttlMs', message: 'expected at least 100' }],
    },
  });
export type ProblemBody = z.infer<typeof problemSchema>;

/**
 * A refusal or failure. Services throw it, or a subclass; the HTTP edge sends it as problem+json.
 *
 * @param code   stable code; determines status and title
 * @param detail one sentence for a person: what happened and what to do
 * @param extra  additional members of the body, such as `holders` or `errors`
 */
export class Problem extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly extra: Record<string, unknown> = {},
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail}`, options);
    this.name = new.target.name;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  /** What a caller is told that may know only some of the names. */
  shownTo(_mayKnow: (name: string) => boolean): Problem {
    return this;
  }

  /** @param instance path of the request that failed */
  toBody(instance: string): ProblemBody {
    const { status, title } = PROBLEMS[this.code];
    return {
      type: `urn:syncline:problem:${this.code}`,
      title,
      status,
      detail: this.detail,
      instance,
      code: this.code,
      ...this.extra,
    };
  }
}
