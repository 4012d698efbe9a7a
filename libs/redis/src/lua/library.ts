import type { Redis } from 'ioredis';
import type { RedisClient } from '../connection/connection.js';
import { type Argument, callsOf, sendWhenReady } from '../send.js';
import { isReplyError } from '../store-unavailable.js';
import { UnknownInstance } from '../unknown-instance.js';
import { CommandScript } from './command-script.js';
import { withoutHappenings } from './happenings.js';
import { LibraryFunctions } from './library-functions.js';
import { durationsOf } from './script-durations.js';
import { asLibrary, asScript, enterFunction, functionName, readShelf, type Shelf } from './shelf.js';
import { type Binding, bindingText, guardOf } from './slot-guard.js';

export interface CommandDefinition<Input, Reply> {
  /** Name of the file on the shelf, without `.lua`. */
  readonly name: string;
  /** The keys that the command uses; they share a `{hash tag}`. A Redis Cluster needs at least one. */
  readonly keys: (input: Input) => string[];
  readonly args?: (input: Input) => Argument[];
  /** True when the reply has binary data: strings of the reply are then `Buffer`. */
  readonly binary?: boolean;
  /**
   * The Redis instance that the call belongs to, see {@link LuaLibrary.enter}. Null or omitted: none. The command sees it as
   * `INSTANCE`, false for none. Before its first write, a command may return an error that starts with `INSTANCE`; the
   * caller gets that as `UnknownInstance` too.
   */
  readonly instance?: (input: Input) => string | null;
  /** Turns the raw reply into the typed one. */
  readonly decode: (reply: unknown, input: Input) => Reply;
}

/**
 * Runs a command of a library in one round trip, which all commands of the same turn share.
 *
 * @throws StoreUnavailable when Redis cannot be reached or refuses; the outcome is unknown
 * @throws UnknownInstance when the call belongs to a Redis instance that was not entered; nothing ran
 * @throws Problem `cross-slot` on Redis Cluster when the keys lie in several slots
 */
export type LibraryCommand<Input, Reply> = (redis: RedisClient, input: Input) => Promise<Reply>;

/**
 * A {@link Shelf} of Lua in Redis. It is loaded as a library of Redis Functions on each primary that does not have it. Its
 * name ends in a hash of its text, so that two versions of a program can run side by side. A Redis that does not take
 * functions gets the same text as one script for each command.
 */
export class LuaLibrary {
  private readonly shelf: Shelf;
  private readonly named = new Map<string, NamedLibrary>();
  private readonly namedFor = new WeakMap<RedisClient, NamedLibrary>();

  /**
   * @param prefix start of its names: letters, digits and `_`
   * @param folder of the shelf, with a trailing `/`
   * @throws Error when the folder is not a valid shelf
   */
  constructor(
    private readonly prefix: string,
    folder: URL,
  ) {
    this.shelf = readShelf(folder);
  }

  /**
   * The library as the namespace of a connection names it, so that the versions of one namespace are no concern of another.
   * Members register its name, so that `removeLibraries` keeps it.
   */
  for(redis: RedisClient): NamedLibrary {
    let library = this.namedFor.get(redis);
    if (library === undefined) {
      const namespace = (redis.options.keyPrefix ?? '').replaceAll(/\W+/g, '_').replace(/_$/, '');
      const prefix = namespace === '' ? this.prefix : `${this.prefix}_${namespace}`;
      library = this.named.get(prefix) ?? namedLibrary(prefix, this.shelf);
      this.named.set(prefix, library);
      this.namedFor.set(redis, library);
    }
    return library;
  }

  /** @throws Error when the shelf has no such command */
  command<Input, Reply>(definition: CommandDefinition<Input, Reply>): LibraryCommand<Input, Reply> {
    const { keys: keysOf, args: argsOf, binary = false, instance: instanceOf, decode } = definition;
    const command = this.shelf.commands.get(definition.name);
    if (command === undefined) throw new Error(`${this.prefix} has no command ${definition.name}`);
    const script = new CommandScript((binding) => asScript(this.shelf, command, binding));
    const { fcall } = callsOf(binary);
    const durations = durationsOf(`${this.prefix.replace(/^syncline_/, '')}.${command.name}`);

    const send = (redis: RedisClient, keys: string[], args: Argument[], binding: Binding) => {
      const { functions, functionNames } = this.for(redis);
      const name = functionNames.get(command.name) ?? '';
      const { instance } = binding;
      const call = () => fcall(redis, name, keys.length, ...keys, ...args, bindingText(binding));
      const byScript = () => script.call(redis, keys, args, binding, binary);
      return instance === null
        ? functions.call(redis, keys[0], call, byScript)
        : functions.callInInstance(redis, instance, call, byScript);
    };

    return async (redis, input) => {
      const keys = keysOf(input);
      const args = argsOf?.(input) ?? [];
      const [first] = keys;
      const guarded = redis.isCluster && first !== undefined;
      const instance = instanceOf?.(input) ?? null;
      const binding = { instance, guarded };
      const all = guarded ? [...keys, guardOf(first)] : keys;
      const sentAt = performance.now();
      const reply = await sendWhenReady(redis, () =>
        instance === null ? send(redis, all, args, binding) : inInstance(send(redis, all, args, binding)),
      );
      durations.add(performance.now() - sentAt);
      return decode(withoutHappenings(redis, reply), input);
    };
  }

  /**
   * Sets the instance that a Redis process is for a scope. Until then, commands that belong to it fail there with
   * `UnknownInstance`, as do those of the instance before it. The process loses the instance when it ends, does a full
   * sync from another process, or loses its functions; a promoted replica does not have it. A primary that was demoted and
   * becomes primary again after a partial sync still has its old instance, so commands also compare `INSTANCE` with the
   * instance in the data.
   *
   * @param connection to one Redis process, see `singleLifeConnection`: it does not hide a restart
   * @param redis      the connection that will call the commands
   * @param scope      data that changes hands as a whole: a process may have that of several instances
   * @throws StoreUnavailable
   */
  enter(
    connection: Redis,
    redis: RedisClient,
    { instance, scope }: { instance: string; scope: string },
  ): Promise<void> {
    const { name, functions } = this.for(redis);
    return sendWhenReady(connection, async () => {
      const enter = async () => {
        await connection.fcall(enterFunction(name), 0, instance, scope);
        return false;
      };
      const loadScripts = async () => {
        const scripts = [...this.shelf.commands.values()].map((each) =>
          asScript(this.shelf, each, { instance, guarded: redis.isCluster }),
        );
        await Promise.all(scripts.map((script) => connection.script('LOAD', script)));
        return true;
      };
      const byScripts = await functions.call(connection, undefined, enter, loadScripts);
      functions.entered(redis, scope, instance, byScripts);
    });
  }
}

/** A library by its name in Redis. */
export interface NamedLibrary {
  /** What its name begins with, in all versions. */
  readonly prefix: string;
  readonly name: string;
  /** By command. */
  readonly functionNames: ReadonlyMap<string, string>;
  readonly functions: LibraryFunctions;
}

function namedLibrary(prefix: string, shelf: Shelf): NamedLibrary {
  const { name, text } = asLibrary(prefix, shelf);
  const functionNames = new Map([...shelf.commands.keys()].map((each) => [each, functionName(name, each)]));
  return { prefix, name, functionNames, functions: new LibraryFunctions(text) };
}

async function inInstance(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (!isReplyError(error) || !/^(NOSCRIPT|INSTANCE)\b/.test(error.message)) throw error;
    throw new UnknownInstance('Redis does not know this instance.', { cause: error });
  }
}
