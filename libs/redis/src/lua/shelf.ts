import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Binding } from './slot-guard.js';

/** A command of a shelf: one atomic state change. */
export interface Command {
  /** Name of its file without `.lua`. */
  readonly name: string;
  /** Flags for Redis, such as `allow-oom`. */
  readonly flags: readonly string[];
  /** Paths of the parts that it includes, directly or not; a part comes after the parts that it includes. */
  readonly parts: readonly string[];
  /** Lua text that returns the function of the command. */
  readonly text: string;
}

/**
 * A folder of Lua: each file in it is a command, and each file in `parts/` has code that commands share.
 *
 * - A *command* returns the function that runs it. Its first line may be `#!lua flags=allow-oom`.
 * - A *part* defines locals for the files that include it: `-- @include parts/lease.lua`, a path in the shelf, or
 *   `-- @include @redis/clock.lua`, a part for all shelves. It sets the variables of a call in
 *   `each_call(function() ... end)`, which runs before each command that includes the part.
 * - Both use `KEYS`, `ARGV`, `INSTANCE` and `ON_CLUSTER` only inside functions: while the shelf is loaded there is no call, and
 *   `redis.call` and the libraries of Lua do not exist. All other locals are kept between calls.
 */
export interface Shelf {
  readonly commands: ReadonlyMap<string, Command>;
  /** Text of each part by its path; what a part includes comes before it. */
  readonly parts: ReadonlyMap<string, string>;
}

const FLAGS = /^#!lua(?: flags=(\S+))?\n/;
const INCLUDE = /^-- @include (\S+)$/gm;
const LOCALS = /^local (?:function )?([\w, ]+)/gm;
const SHARED_PARTS = new URL('./parts/', import.meta.url);
const HEAD_OF_LIBRARY = readFileSync(new URL('./library.lua', import.meta.url), 'utf8');

/** @throws Error for a folder without commands, a missing or circular include, or two parts that define the same local */
export function readShelf(folder: URL): Shelf {
  const parts = new Map<string, string>();
  /** What each part includes; null while it is being read. */
  const included = new Map<string, readonly string[] | null>();

  /** Paths of the parts that a text includes, directly or not, each once and after the parts that it includes. */
  const partsOf = (text: string): string[] => {
    const all = [...text.matchAll(INCLUDE)].flatMap(([, path = '']) => [...readPart(path), path]);
    return [...new Set(all)];
  };
  const readPart = (path: string): readonly string[] => {
    let before = included.get(path);
    if (before === null) throw new Error(`${path} includes itself`);
    if (before === undefined) {
      included.set(path, null);
      const file = path.startsWith('@redis/')
        ? new URL(path.slice('@redis/'.length), SHARED_PARTS)
        : new URL(path, folder);
      const text = readFileSync(file, 'utf8');
      before = partsOf(text);
      included.set(path, before);
      parts.set(path, text);
    }
    return before;
  };

  const commands = new Map<string, Command>();
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.lua')) continue;
    const name = file.slice(0, -'.lua'.length);
    const text = readFileSync(new URL(file, folder), 'utf8');
    const flags = FLAGS.exec(text)?.[1]?.split(',') ?? [];
    commands.set(name, { name, flags, parts: partsOf(text), text: text.replace(FLAGS, '') });
  }
  if (commands.size === 0) throw new Error(`There is no Lua in ${folder.pathname}`);
  checkLocals(new Map([['library.lua', HEAD_OF_LIBRARY], ...parts]));
  return { commands, parts };
}

/** A library has all parts in one scope, where a second local with the same name would hide the first. */
function checkLocals(parts: ReadonlyMap<string, string>): void {
  const leftBy = new Map<string, string>();
  for (const [path, text] of parts) {
    for (const [, names = ''] of text.matchAll(LOCALS)) {
      for (const name of names.split(',').map((each) => each.trim())) {
        const other = leftBy.get(name) ?? path;
        if (other !== path) throw new Error(`${other} and ${path} both leave a local ${name}`);
        leftBy.set(name, path);
      }
    }
  }
}

/** Redis does not allow `-` in the name of a function. */
const luaName = (command: string): string => command.replaceAll('-', '_');

/** Name of the function of a command, unique in a Redis that has several versions of a shelf. */
export const functionName = (library: string, command: string): string => `${library}_${luaName(command)}`;

/** Name of the function that enters a Redis instance; no command has this name. */
export const enterFunction = (library: string): string => `${library}__enter`;

const quoted = (texts: readonly string[]): string => `{${texts.map((text) => `'${text}'`).join(',')}}`;

/** The shelf as a library of Redis Functions: Redis creates its closures once, at load. The name ends in a hash of the text. */
export function asLibrary(prefix: string, { commands, parts }: Shelf): { name: string; text: string } {
  const body = [
    HEAD_OF_LIBRARY,
    ...[...parts].map(([path, text]) => `part('${path}')\n${text}`),
    ...[...commands.values()].map(
      ({ name, flags, parts: included, text }) =>
        `command('${luaName(name)}', ${quoted(flags)}, ${quoted(included)}, (function()\n${text}\nend)())`,
    ),
  ].join('\n');
  const name = `${prefix}_${createHash('sha1').update(body).digest('hex').slice(0, 16)}`;
  return { name, text: `#!lua name=${name}\nlocal LIBRARY = '${name}'\n${body}` };
}

/**
 * One command of the shelf as a script, for a Redis that does not take functions.
 *
 * @param binding of the calls; it is part of the text, so each has its own script
 */
export const asScript = ({ parts }: Shelf, command: Command, { instance, guarded }: Binding): string =>
  [
    command.flags.length > 0 ? `#!lua flags=${command.flags.join(',')}` : '#!lua',
    `local INSTANCE = ${instance === null ? 'false' : `'${instance}'`}`,
    `local KEYS, ARGV, ON_CLUSTER, happenings = KEYS, ARGV, ${guarded}, false`,
    ...(guarded ? ['KEYS[#KEYS] = nil'] : []),
    'local function each_call(reset) reset() end',
    ...command.parts.map((path) => parts.get(path) ?? ''),
    `local run = (function()\n${command.text}\nend)()`,
    'local reply = run()',
    'return happenings and { happenings, reply or false } or reply',
  ].join('\n');
