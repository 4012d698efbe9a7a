import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisClient } from './connection/connection.js';
import { type Argument, callsOf, sendWhenReady } from './send.js';
import { isReplyError } from './store-unavailable.js';
import { UnknownInstance } from './unknown-instance.js';

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
  /**
   * The life of Redis that the call belongs to: the script sees it as the local `LIFE` (false for null). A Redis
   * that does not know the script of this life is not given it: it may have started anew since, without what it
   * had acknowledged. The script may find that out too, and answer with an error that begins with `LIFE`. Without
   * this member the script belongs to no life, and has no such local.
   */
  readonly life?: (input: Input) => string | null;
  /** Turns the raw reply into the typed one. */
  readonly decode: (reply: unknown, input: Input) => Reply;
}

export interface Script<Input, Reply> {
  (redis: RedisClient, input: Input): Promise<Reply>;
  /** Text of the script as it belongs to a life. */
  textOf(life: string): string;
}

/** Redis does not know the script of this life: nothing ran. See {@link ScriptDefinition.life}. */
export { UnknownInstance as UnknownLife };

/**
 * One atomic state change: a Lua script with typed input and reply.
 *
 * Called by SHA; a Redis that does not know the script yet gets its text (NOSCRIPT proves that nothing ran, so
 * sending it again is safe). Costs one round trip and shares it with all commands of the same turn.
 *
 * @throws StoreUnavailable when Redis is away or refuses; then the outcome is unknown
 * @throws UnknownLife when the script belongs to a life and Redis does not know it; then nothing ran
 * @throws Problem `cross-slot` on Redis Cluster when the keys lie in several slots
 */
export function defineScript<Input, Reply>(definition: ScriptDefinition<Input, Reply>): Script<Input, Reply> {
  const body = readScript(definition.file);
  const { keys: keysOf, args: argsOf, binary = false, decode, life: lifeOf } = definition;
  const textOf = (life: string | null) =>
    lifeOf === undefined ? body : withLocal(body, `local LIFE = ${life === null ? 'false' : `'${life}'`}`);
  const { evalsha, evaluate } = callsOf(binary);
  // The last life is remembered: there is one at a time, and hashing a script costs more than calling it.
  let current: Text = textWithSha(null, textOf(null));

  const send = async (redis: RedisClient, life: string | null, keys: string[], args: Argument[]) => {
    if (current.life !== life) current = textWithSha(life, textOf(life));
    const { text, sha } = current;
    try {
      return await evalsha(redis, sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isReplyError(error)) throw error;
      if (life !== null && /^(NOSCRIPT|LIFE)\b/.test(error.message)) {
        throw new UnknownInstance('Redis does not know the scripts of this life.', { cause: error });
      }
      if (!error.message.startsWith('NOSCRIPT')) throw error;
      return evaluate(redis, text, keys.length, ...keys, ...args);
    }
  };

  const script = async (redis: RedisClient, input: Input) => {
    const keys = keysOf(input);
    const args = argsOf?.(input) ?? [];
    const life = lifeOf?.(input) ?? null;
    return decode(await sendWhenReady(redis, () => send(redis, life, keys, args)), input);
  };
  return Object.assign(script, { textOf });
}

interface Text {
  readonly life: string | null;
  readonly text: string;
  readonly sha: string;
}
const textWithSha = (life: string | null, text: string): Text => ({
  life,
  text,
  sha: createHash('sha1').update(text).digest('hex'),
});

/** Redis reads the flags of a script from its first line. */
const withLocal = (body: string, local: string): string => body.replace(/^(#!lua.*\n)?/, `$1${local}\n`);

const INCLUDE = /^-- @include (\S+)$/gm;

function readScript(file: URL, seen = new Set<string>()): string {
  seen.add(file.href);
  return readFileSync(file, 'utf8').replace(INCLUDE, (_line, name: string) => {
    const included = new URL(name, file);
    return seen.has(included.href) ? '' : readScript(included, seen);
  });
}
