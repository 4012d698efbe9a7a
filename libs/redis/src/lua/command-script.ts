import { createHash } from 'node:crypto';
import type { RedisClient } from '../connection/connection.js';
import { type Argument, callsOf } from '../send.js';
import { isReplyError } from '../store-unavailable.js';
import { type Binding, bindingText } from './slot-guard.js';

/** A process knows one Redis instance a shard at a time, and hashing a script costs more than calling it. */
const MAX_BOUND = 64;

/** A command as a script, called by its SHA. */
export class CommandScript {
  /** SHA of the text for each of the last bindings. */
  private readonly bound = new Map<string, string>();

  constructor(private readonly textFor: (binding: Binding) => string) {}

  /** Only {@link LuaLibrary.enter} loads a script for an instance: without it the call fails with NOSCRIPT. */
  async call(
    redis: RedisClient,
    keys: readonly string[],
    args: readonly Argument[],
    binding: Binding,
    binary: boolean,
  ): Promise<unknown> {
    const { evalsha, evaluate } = callsOf(binary);
    try {
      return await evalsha(redis, this.shaFor(binding), keys.length, ...keys, ...args);
    } catch (error) {
      if (binding.instance !== null || !isReplyError(error) || !error.message.startsWith('NOSCRIPT'))
        throw error;
      return evaluate(redis, this.textFor(binding), keys.length, ...keys, ...args);
    }
  }

  private shaFor(binding: Binding): string {
    const id = bindingText(binding);
    let sha = this.bound.get(id);
    if (sha === undefined) {
      sha = createHash('sha1').update(this.textFor(binding)).digest('hex');
      const [first] = this.bound.size >= MAX_BOUND ? this.bound.keys() : [];
      if (first !== undefined) this.bound.delete(first);
      this.bound.set(id, sha);
    }
    return sha;
  }
}
