import type { RedisClient } from '../connection/connection.js';

/** Something that operators are told of, as a script tells it: see `parts/happened.lua`. */
export interface Happening {
  readonly type: string;
  /** Of what it happened to. */
  readonly name?: string;
  /** How often. */
  readonly count: number;
  readonly [fact: string]: unknown;
}

type Listener = (happenings: readonly Happening[]) => void;

/** What the first text of happenings is; no name, owner or id has this character. */
const MARK = '\u0001happened';
const listeners = new WeakMap<RedisClient, Listener>();

/** Has a listener told of what happens in the calls of a connection, from now on. */
export function onHappenings(redis: RedisClient, listener: Listener): void {
  listeners.set(redis, listener);
}

/** The reply of a command itself. The listener of the connection is told of what happened. */
export function withoutHappenings(redis: RedisClient, reply: unknown): unknown {
  if (!Array.isArray(reply) || reply.length !== 2 || !isMarked(reply[0])) return reply;
  const [[, ...flat], own] = reply as [unknown[], unknown];
  const happenings: Happening[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    happenings.push({ ...JSON.parse(String(flat[i])), count: Number(flat[i + 1]) });
  }
  listeners.get(redis)?.(happenings);
  return own;
}

/** Texts are `Buffer` in binary replies. */
function isMarked(part: unknown): boolean {
  if (!Array.isArray(part)) return false;
  const [first] = part;
  return (
    first === MARK || (Buffer.isBuffer(first) && first.length === MARK.length && first.toString() === MARK)
  );
}
