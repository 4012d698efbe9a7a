import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type RedisClient, whenReady } from './connection.js';
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

  const send = async (redis: RedisClient, keys: string[], args: Argument[]): Promise<unknown> => {
    const { evalsha, evaluate } = binary ? BINARY : TEXT;
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
    try {
      if (redis.status !== 'ready') await whenReady(redis);
      const reply = await send(redis, keys, args).catch(async (error: unknown) => {
        if (!wasNotSent(error)) throw error;
        await whenReady(redis);
        return send(redis, keys, args);
      });
      return decode(reply, input);
    } catch (error) {
      throw storeError(error);
    }
  };
}

type Send = (redis: RedisClient, script: string, keyCount: number, ...args: Argument[]) => Promise<unknown>;

const TEXT: { evalsha: Send; evaluate: Send } = {
  evalsha: (redis, ...args) => redis.evalsha(...args),
  evaluate: (redis, ...args) => redis.eval(...args),
};
/** ioredis has these methods, though its types do not name them. */
interface BinaryRedis {
  evalshaBuffer(script: string, keyCount: number, ...args: Argument[]): Promise<unknown>;
  evalBuffer(script: string, keyCount: number, ...args: Argument[]): Promise<unknown>;
}
const BINARY: { evalsha: Send; evaluate: Send } = {
  evalsha: (redis, ...args) => (redis as unknown as BinaryRedis).evalshaBuffer(...args),
  evaluate: (redis, ...args) => (redis as unknown as BinaryRedis).evalBuffer(...args),
};

/** The connection broke in the moment of sending: the command never left, so it may be sent again. */
const wasNotSent = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith("Stream isn't writeable");

const INCLUDE = /^-- @include (\S+)$/gm;

function readScript(file: URL, seen = new Set<string>()): string {
  seen.add(file.href);
  return readFileSync(file, 'utf8').replace(INCLUDE, (_line, name: string) => {
    const included = new URL(name, file);
    return seen.has(included.href) ? '' : readScript(included, seen);
  });
}
