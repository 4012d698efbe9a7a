/** Before the instance of a call, or alone: the last of the keys is a guard. */
const GUARD_MARK = '*';

/** What a call is bound to, as one text: the Redis instance that it belongs to, and whether it has a guard among its keys. */
export interface Binding {
  /** Null: none. */
  readonly instance: string | null;
  readonly guarded: boolean;
}

/** The last argument of each function. */
export const bindingText = ({ instance, guarded }: Binding): string =>
  (guarded ? GUARD_MARK : '') + (instance ?? '');

/**
 * A key that never exists, in the slot of another one. On a Redis Cluster each call of Lua names it last: while a slot is
 * on its way to another primary, Redis refuses a call that names a missing key, by `ASK` or `TRYAGAIN`, before it runs.
 * Without it Lua would begin, and fail at the first key that has left already, in its middle.
 */
export const guardOf = (key: string): string => `syncline:{${tagOf(key)}}:guard`;

/** What decides about the slot of a key. */
export const tagOf = (key: string): string => /\{([^}]+)\}/.exec(key)?.[1] ?? key;
