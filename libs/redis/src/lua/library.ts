import type { Redis } from 'ioredis';
import type { RedisClient } from '../connection/connection.js';
import { type Argument, callsOf, sendWhenReady } from '../send.js';
import { isReplyError } from '../store-unavailable.js';
import { UnknownInstance } from '../unknown-instance.js';
import { CommandScript } from './command-script.js';
import { LibraryFunctions, NO_FUNCTIONS } from './library-functions.js';
import { asLibrary, asScript, enterFunction, functionName, readShelf, type Shelf } from './shelf.js';
import { GUARDED, guardOf } from './slot-guard.js';

export interface CommandDefinition<Input, Reply> {
  /** Name of its file on the shelf, without `.lua`. */
  readonly name: string;
  /** The keys that the command touches; they share a `{hash tag}`. A Redis Cluster needs one at least. */
  readonly keys: (input: Input) => string[];
  readonly args?: (input: Input) => Argument[];
  /** True when the reply carries bytes that are not text: then strings arrive as `Buffer`. */
  readonly binary?: boolean;
  /**
   * The Redis instance that the call belongs to, see {@link LuaLibrary.enter}; null, or without this member: none. On a
   * Redis Cluster there are none. The
   * command sees it as `INSTANCE`, false for none. Before its first write it may answer with an error that begins with
   * `INSTANCE` itself: that is `UnknownInstance` too.
   */
  readonly instance?: (input: Input) => string | null;
  /** Turns the raw reply into the typed one. */
  readonly decode: (reply: unknown, input: Input) => Reply;
}

/**
 * Runs a command of a library, in one round trip, which all commands of the same turn share.
 *
 * @throws StoreUnavailable when Redis is away or refuses; then the outcome is unknown
 * @throws UnknownInstance when the call belongs to a Redis instance that was not entered; then nothing ran
 * @throws Problem `cross-slot` on Redis Cluster when the keys lie in several slots
 */
export type LibraryCommand<Input, Reply> = (redis: RedisClient, input: Input) => Promise<Reply>;

/**
 * A {@link Shelf} of Lua in Redis. It is loaded as a library of Redis Functions on each primary that turns out not to
 * have it, under a name that ends in a hash of its text: two versions of a program run side by side. A Redis that takes
 * no functions is given the same text as a script for each command.
 */
export class LuaLibrary {
  /** Name in Redis: what a member tells the others, see `removeLibraries`. */
  readonly name: string;
  private readonly shelf: Shelf;
  private readonly functions: LibraryFunctions;

  /**
   * @param prefix what the name begins with: letters, digits and `_`
   * @param folder of the shelf, with `/` at its end
   * @throws Error when the folder is no shelf
   */
  constructor(
    readonly prefix: string,
    folder: URL,
  ) {
    this.shelf = readShelf(folder);
    const { name, text } = asLibrary(prefix, this.shelf);
    this.name = name;
    this.functions = new LibraryFunctions(text);
  }

  /** @throws Error when the shelf has no such command */
  command<Input, Reply>(definition: CommandDefinition<Input, Reply>): LibraryCommand<Input, Reply> {
    const { keys: keysOf, args: argsOf, binary = false, instance: instanceOf, decode } = definition;
    const command = this.shelf.commands.get(definition.name);
    if (command === undefined) throw new Error(`${this.name} has no command ${definition.name}`);
    const name = functionName(this.name, command.name);
    const script = new CommandScript((instance) => asScript(this.shelf, command, instance));
    const { fcall } = callsOf(binary);

    const send = async (redis: RedisClient, keys: string[], args: Argument[], instance: string | null) => {
      const call = () => fcall(redis, name, keys.length, ...keys, ...args, instance ?? '');
      const reply = await (instance === null || instance === GUARDED
        ? this.functions.call(redis, keys[0], call)
        : this.functions.callInInstance(redis, call));
      return reply === NO_FUNCTIONS ? script.call(redis, keys, args, instance, binary) : reply;
    };

    return async (redis, input) => {
      const keys = keysOf(input);
      const args = argsOf?.(input) ?? [];
      const [first] = keys;
      const guarded = redis.isCluster && first !== undefined;
      const instance = guarded ? GUARDED : (instanceOf?.(input) ?? null);
      const all = guarded ? [...keys, guardOf(first)] : keys;
      const reply = await sendWhenReady(redis, () =>
        instance === null || guarded
          ? send(redis, all, args, instance)
          : inInstance(send(redis, all, args, instance)),
      );
      return decode(reply, input);
    };
  }

  /**
   * Tells a process of Redis which instance it is. Until then, commands that belong to an instance reject there with
   * `UnknownInstance`. The process forgets it when it ends, takes over all data of another process, or loses its
   * functions; a replica never knew it when it is promoted. A primary that becomes one again without having taken over
   * all data still knows the instance from before: a command compares `INSTANCE` with what the data says, too.
   *
   * @param connection of this process alone, see `singleLifeConnection`: it does not hide a restart
   * @param redis      the connection that will call the commands
   * @throws StoreUnavailable
   */
  enter(connection: Redis, redis: RedisClient, instance: string): Promise<void> {
    return sendWhenReady(connection, async () => {
      const entered = await this.functions.call(connection, undefined, () =>
        connection.fcall(enterFunction(this.name), 0, instance),
      );
      const byScripts = entered === NO_FUNCTIONS;
      if (byScripts) {
        const scripts = [...this.shelf.commands.values()].map((each) => asScript(this.shelf, each, instance));
        await Promise.all(scripts.map((script) => connection.script('LOAD', script)));
      }
      this.functions.useScripts(redis, byScripts);
    });
  }
}

async function inInstance(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (!isReplyError(error) || !/^(NOSCRIPT|INSTANCE)\b/.test(error.message)) throw error;
    throw new UnknownInstance('Redis does not know this instance.', { cause: error });
  }
}
