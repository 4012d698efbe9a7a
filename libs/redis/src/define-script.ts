import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { whenReady } from './connection.js';
import { isReplyError, storeError } from './store-unavailable.js';

type Argument = string | number | Buffer;

export interface ScriptDefinition<Input, Reply> {
  /** The `.lua` file. `-- @include other.lua` lines are replaced by that file, each file once. */
  readonly file: URL;
  /** The keys that the script touches; they share a `{hash tag}`. */
  readonly keys: (input: Input) => string[];
  readonly args?: (input: Input) => Argument[];
  /** True when the reply carries bytes that are not text: then strings arrive as `Buffer`. */
  readonly binary?: boolean;
  /** Turns the raw reply into the typed one. */
  readonly decode: (reply: unknown, input: Input) => Reply;
}

export type Script<Input, Reply> = (redis: Redis, input: Input) => Promise<Reply>;

/**
 * One atomic state change: a Lua script with typed input and reply.
 *
 * Called by SHA; a Redis that does not know the script yet gets its text (NOSCRIPT proves that nothing ran, so
 * sending it again is safe). Costs one round trip and shares it with all commands of the same turn.
 *
 * @throws StoreUnavailable when Redis is away or refuses; then the outcome is unknown
 * @throws Problem `cross-slot` on Redis Cluster when the keys lie in several slots
 */
export function defineScript<Input, Reply>(definition: ScriptDefinition<Input, Reply>): Script<Input, Reply> {
  const text = readScript(definition.file);
  const sha = createHash('sha1').update(text).digest('hex');
  const { keys: keysOf, args: argsOf, binary = false, decode } = definition;

  return async (redis, input) => {
    const keys = keysOf(input);
    const args: Argument[] = [...keys, ...(argsOf?.(input) ?? [])];
    try {
      if (redis.status !== 'ready') await whenReady(redis);
      let reply: unknown;
      try {
        reply = await (binary
          ? redis.callBuffer('EVALSHA', sha, keys.length, ...args)
          : redis.evalsha(sha, keys.length, ...args));
      } catch (error) {
        if (!isReplyError(error) || !error.message.startsWith('NOSCRIPT')) throw error;
        reply = await (binary
          ? redis.callBuffer('EVAL', text, keys.length, ...args)
          : redis.eval(text, keys.length, ...args));
      }
      return decode(reply, input);
    } catch (error) {
      throw storeError(error);
    }
  };
}

const INCLUDE = /^-- @include (\S+)$/gm;

function readScript(file: URL, seen = new Set<string>()): string {
  seen.add(file.href);
  return readFileSync(file, 'utf8').replace(INCLUDE, (_line, name: string) => {
    const included = new URL(name, file);
    return seen.has(included.href) ? '' : readScript(included, seen);
  });
}
