import { isUtf8 } from 'node:buffer';
import { bytes, type CacheState, text } from '@syncline/client';
import type { Command } from 'commander';
import { addCacheAdministrationCommands } from './cache-administration.commands.js';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { duration } from './duration.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { inputOf } from './input.js';
import { signedInteger } from './integer.js';
import { write, writeAll, writeJson, writeLine } from './output.js';

export function addCacheCommands(program: Command, clients: Clients): void {
  const cache = program.command('cache').description('read and change entries of caches');

  withOutput(
    cache.command('get <cache> <key>').description('write the bytes of an entry to stdout, unchanged'),
  ).action(async (name: string, key: string, options: ClientOptions) => {
    const caches = await clients.cache(options);
    const entry = await caches.cache(name, { codec: bytes }).getEntry(key);
    if (entry === undefined) throw new Failure(`${name} has no entry ${key}`, EXIT.failure);
    if (!options.json) return write(entry.value);
    const encoding = isUtf8(entry.value) ? 'utf8' : 'base64';
    const value = Buffer.from(entry.value).toString(encoding);
    return writeJson({ key, version: entry.version, encoding, value });
  });

  withOutput(
    cache
      .command('set <cache> <key> [value]')
      .description('store an entry; read the value from stdin when it is - or missing'),
  )
    .option('--ttl <duration>', 'TTL of the entry (default: the TTL of the cache)', duration)
    .option('--tags <tags>', 'comma-separated; entries with a tag can be invalidated together', list)
    .action(async (name: string, key: string, given: string | undefined, options: SetOptions) => {
      const { ttl, tags } = options;
      const entry = { ...(ttl === undefined ? {} : { ttlMs: ttl }), ...(tags === undefined ? {} : { tags }) };
      const value = await inputOf(given);
      const caches = await clients.cache(options);
      const stored =
        typeof value === 'string'
          ? await caches.cache(name, { codec: text }).set(key, value, entry)
          : await caches.cache(name, { codec: bytes }).set(key, value, entry);
      if (options.json) return writeJson(stored);
      const until = stored.expiresAt === null ? '' : ` until ${stored.expiresAt}`;
      return writeLine(`Stored ${key}${until}, version ${stored.version}.`);
    });

  withOutput(cache.command('del <cache> <keys...>').description('remove entries, if they exist')).action(
    async (name: string, keys: readonly string[], options: ClientOptions) => {
      const caches = await clients.cache(options);
      const from = caches.cache(name);
      await Promise.all(keys.map((key) => from.delete(key)));
      if (options.json) await writeJson({ deleted: keys });
      else for (const key of keys) await writeLine(`Removed ${key}.`);
    },
  );

  withOutput(
    cache
      .command('incr <cache> <key>')
      .description('add to an integer; an entry that is not there counts as 0'),
  )
    .option('--by <number>', 'what to add; negative to subtract', signedInteger, 1)
    .option('--ttl <duration>', 'TTL of an entry that this makes (default: the TTL of the cache)', duration)
    .action(async (name: string, key: string, options: ClientOptions & { by: number; ttl?: number }) => {
      const { by, ttl } = options;
      const caches = await clients.cache(options);
      const counter = await caches.cache(name).increment(key, by, ttl === undefined ? {} : { ttlMs: ttl });
      await (options.json ? writeJson(counter) : writeLine(String(counter.value)));
    });

  withOutput(
    cache.command('ls <cache> [prefix]').description('list the entries of a cache, in no order'),
  ).action(async (name: string, prefix: string | undefined, options: ClientOptions) => {
    const caches = await clients.cache(options);
    await writeAll(caches.cache(name).entries(prefix), {
      json: options.json,
      heads: ['KEY', 'BYTES', 'EXPIRES', 'VERSION'],
      row: ({ key, bytes: size, expiresAt, version }) => [key, size, expiresAt ?? 'never', version],
      none:
        prefix === undefined
          ? `${name} has no entries.`
          : `${name} has no entries that begin with ${prefix}.`,
    });
  });

  withOutput(
    cache.command('stats [cache]').description('show the statistics of one cache, or of all caches'),
  ).action(async (name: string | undefined, options: ClientOptions) => {
    const caches = await clients.cache(options);
    if (name !== undefined && options.json) return writeJson(await caches.cache(name).inspect());
    return writeAll(name === undefined ? caches.list() : one(caches.cache(name).inspect()), {
      json: options.json,
      heads: ['NAME', 'ENTRIES', 'BYTES', 'HITS', 'MISSES', 'RATIO', 'WRITES', 'COHERENCE'],
      row: ({ name, stats, coherence }) => [
        name,
        stats.entries,
        stats.bytes,
        stats.nearHits + stats.storeHits,
        stats.misses,
        `${Math.round(stats.hitRatio * 100)} %`,
        stats.writes,
        coherence,
      ],
      none: 'there are no caches.',
    });
  });

  addCacheAdministrationCommands(cache, clients);
}

interface SetOptions extends ClientOptions {
  readonly ttl?: number;
  readonly tags?: readonly string[];
}

const list = (text: string): string[] => text.split(',').map((part) => part.trim());

async function* one(state: Promise<CacheState>): AsyncGenerator<CacheState> {
  yield await state;
}
