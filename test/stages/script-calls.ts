import type { RedisServer } from '@syncline/testing';
import { Command, type Redis } from 'ioredis';

/** One call of Lua, as Redis ran it. */
export interface ScriptCall {
  /** `LIBRARY/COMMAND`; the text or SHA of a script. */
  readonly name: string;
  readonly keys: readonly string[];
  /** Whether its last key is a guard, which its command does not see. */
  readonly guarded: boolean;
  /** The keys of each command that it ran. */
  readonly used: string[][];
}

const FUNCTION = /^syncline_([a-z]+)(?:_\w+)?_[0-9a-f]{16}_(.+)$/;

/** What the Lua of nodes does in some Redis servers, as `MONITOR` shows it. */
export class ScriptCalls {
  readonly all: ScriptCall[] = [];
  private readonly monitors: Redis[] = [];
  private readonly admins: Redis[] = [];

  static async of(servers: readonly RedisServer[]): Promise<ScriptCalls> {
    const calls = new ScriptCalls();
    for (const server of servers) {
      const admin = server.connect();
      calls.admins.push(admin);
      const monitor = await admin.monitor();
      calls.monitors.push(monitor);
      // Redis runs one script at a time, so what Lua runs belongs to the call before it.
      let current: ScriptCall | undefined;
      monitor.on('monitor', (_time: string, words: string[], source: string) => {
        if (source === 'lua') current?.used.push(keysOf(words));
        else {
          current = scriptCall(words);
          if (current !== undefined) calls.all.push(current);
        }
      });
    }
    return calls;
  }

  /** What was called, each once, in order. */
  get names(): readonly string[] {
    return [...new Set(this.all.map(({ name }) => name))].sort();
  }

  stop(): void {
    for (const redis of [...this.monitors, ...this.admins]) redis.disconnect();
  }
}

const keysOf = ([name = '', ...args]: readonly string[]) => new Command(name, args).getKeys().map(String);

function scriptCall(words: readonly string[]): ScriptCall | undefined {
  const [verb = '', script = '', count, ...rest] = words;
  if (!/^(fcall|evalsha|eval)$/i.test(verb)) return undefined;
  const [, library, command] = FUNCTION.exec(script) ?? [];
  return {
    name: library === undefined ? script : `${library}/${command?.replaceAll('_', '-')}`,
    keys: rest.slice(0, Number(count)),
    guarded: /^\*/.test(rest.at(-1) ?? '') && /^fcall$/i.test(verb),
    used: [],
  };
}

const tagOf = (key: string) => /\{([^}]+)\}/.exec(key)?.[1] ?? key;

/**
 * Why a call might touch keys of several places, or fail in its middle while its slot moves; empty for a call that does
 * neither. Redis refuses a call before it begins where a key that it names is missing in a slot that moves. So one that
 * names a guard, which never exists, is always refused there, and may use any key of that slot. One without a guard may
 * use what it named.
 */
export function breachesOf({ name, keys, guarded, used }: ScriptCall): string[] {
  const declared = new Set(keys);
  const guard = guarded ? keys.at(-1) : undefined;
  const all = [...keys, ...used.flat()];
  const breaches: string[] = [];
  if (new Set(all.map(tagOf)).size > 1) breaches.push(`${name}: uses keys of several slots`);
  if (guard === undefined && all.some((key) => !declared.has(key)))
    breaches.push(`${name}: has no guard, and uses keys that it did not name`);
  if (guard !== undefined && !guard.endsWith(':guard'))
    breaches.push(`${name}: its last key is no guard: ${guard}`);
  if (guard !== undefined && used.flat().includes(guard)) breaches.push(`${name}: uses its guard`);
  return breaches;
}
