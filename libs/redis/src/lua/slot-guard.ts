/** Stands for the instance of a call that has a guard among its keys: on a Redis Cluster there are no instances. */
export const GUARDED = '*';

/**
 * A key that never exists, in the slot of another one. On a Redis Cluster each call of Lua names it last: while a slot is
 * on its way to another primary, Redis refuses a call that names a missing key, by `ASK` or `TRYAGAIN`, before it runs.
 * Without it Lua would begin, and fail at the first key that has left already, in its middle.
 */
export const guardOf = (key: string): string => `syncline:{${tagOf(key)}}:guard`;

/** What decides about the slot of a key. */
export const tagOf = (key: string): string => /\{([^}]+)\}/.exec(key)?.[1] ?? key;
