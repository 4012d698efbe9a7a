import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisClient } from './connection/connection.js';
import { type Argument, callsOf, sendWhenReady } from './send.js';
import { isReplyError } from './store-unavailable.js';

export interface ScriptDefinition<Input, Reply> {
  /**
   * The `.lua` file. `-- @include other.lua` lines are replaced by that file, each file once. A first line
   * `#!lua flags=allow-oom` lets a script run while Redis is full: for what makes no memory grow. `#!lua` alone lets
   * it not even begin then; without either it is refused at its first write, unless that frees memory.
   */
  readonly file: URL;
  /** The keys that the script touches; they share a `{hash tag}`. */
  readonly keys: (input: Input) => string[];
  readonly args?: (input: Input) => Argument[];
  /** True when the reply carries bytes that are not text: then strings arrive as `Buffer`. */
  readonly binary?: boolean;
  /** Turns the raw reply into the typed one. */
  readonly decode: (reply: unknown, input: Input) => Reply;
}

export type Script<Input, Reply> = (redis: RedisClient, input: Input) => Promise<Reply>;

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
  const { evalsha, evaluate } = callsOf(binary);

  const send = async (redis: RedisClient, keys: string[], args: Argument[]) => {
    try {
      return await evalsha(redis, sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isReplyError(error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return evaluate(redis, text, keys.length, ...keys, ...args);
    }
  };

  return async (redis, input) => {
    const keys = keysOf(input);
    const args = argsOf?.(input) ?? [];
    return decode(await sendWhenReady(redis, () => send(redis, keys, args)), input);
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
