import { createHash } from 'node:crypto';
import type { RedisClient } from '../connection/connection.js';
import { type Argument, callsOf } from '../send.js';
import { isReplyError } from '../store-unavailable.js';
import { GUARDED } from './slot-guard.js';

/** The text of a script, bound to a Redis instance, with its SHA. */
interface Bound {
  readonly instance: string | null;
  readonly text: string;
  readonly sha: string;
}

/** A command as a script, called by its SHA. */
export class CommandScript {
  /** The last one: there is one instance at a time, and hashing a script costs more than calling it. */
  private bound: Bound | null = null;

  /** @param textFor the text of the script for an instance; null: for none */
  constructor(private readonly textFor: (instance: string | null) => string) {}

  /** Only {@link LuaLibrary.enter} loads a script for an instance: without it the call fails with NOSCRIPT. */
  async call(
    redis: RedisClient,
    keys: readonly string[],
    args: readonly Argument[],
    instance: string | null,
    binary: boolean,
  ): Promise<unknown> {
    const { evalsha, evaluate } = callsOf(binary);
    const { text, sha } = this.boundTo(instance);
    try {
      return await evalsha(redis, sha, keys.length, ...keys, ...args);
    } catch (error) {
      const isEntered = instance !== null && instance !== GUARDED;
      if (isEntered || !isReplyError(error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return evaluate(redis, text, keys.length, ...keys, ...args);
    }
  }

  private boundTo(instance: string | null): Bound {
    if (this.bound?.instance !== instance) {
      const text = this.textFor(instance);
      this.bound = { instance, text, sha: createHash('sha1').update(text).digest('hex') };
    }
    return this.bound as Bound;
  }
}
