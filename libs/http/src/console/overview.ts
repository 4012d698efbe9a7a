import type { Caller } from '../access/caller.js';

/** What the console shows first of a role: each app provides its own. */
export abstract class Overview {
  /** All that a caller may read, in bounded lists. */
  abstract read(caller: Caller): Promise<object>;
}
