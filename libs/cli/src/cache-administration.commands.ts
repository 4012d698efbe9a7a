import type { CacheConfig, CacheState } from '@syncline/client';
import type { Command } from 'commander';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { type Confirmed, confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { writeJson, writeLine } from './output.js';
import { repeated } from './repeated.js';
import { type Settings, settingsArgument } from './settings.js';

interface InvalidateOptions extends ClientOptions {
  readonly tag?: readonly string[];
  readonly prefix?: string;
}

/** Commands that change caches as such. */
export function addCacheAdministrationCommands(cache: Command, clients: Clients): void {
  withOutput(
    cache.command('invalidate <cache>').description('invalidate all entries with a tag, or with a prefix'),
  )
    .option('--tag <tag>', 'entries that have this tag; repeat it for more', repeated)
    .option('--prefix <prefix>', 'entries whose key starts with this prefix')
    .action(async (name: string, options: InvalidateOptions) => {
      const { tag: tags, prefix } = options;
      if ((tags === undefined) === (prefix === undefined)) {
        throw new Failure('invalidate: name either --tag or --prefix', EXIT.usage);
      }
      const found = (await clients.cache(options)).cache(name);
      if (tags !== undefined) await found.invalidateTags(...tags);
      if (prefix !== undefined) await found.invalidatePrefix(prefix);
      if (options.json) return writeJson({ invalidated: tags?.length ?? 1 });
      const what = tags === undefined ? `prefix ${prefix}` : `tag ${tags.join(', ')}`;
      return writeLine(`Invalidated what has the ${what} in ${name}.`);
    });

  withOutput(
    cache
      .command('configure <cache>')
      .description('change settings of a cache; the other settings stay as they are')
      .addArgument(settingsArgument()),
  ).action(async (name: string, settings: Settings | undefined, options: ClientOptions) => {
    const found = (await clients.cache(options)).cache(name);
    await found.configure({
      ...configurationOf(await found.inspect()),
      ...Object.fromEntries(settings ?? []),
    });
    await (options.json ? writeJson(await found.inspect()) : writeLine(`Configured ${name}.`));
  });

  for (const [verb, said, status] of [
    ['flush', 'remove all entries of a cache; its configuration stays', 'flushed'],
    ['drop', 'remove a cache with its configuration and statistics', 'dropped'],
  ] as const) {
    withOutput(cache.command(`${verb} <cache>`).description(said))
      .option('--yes', 'do not ask')
      .action(async (name: string, options: Confirmed) => {
        const found = (await clients.cache(options)).cache(name);
        const { entries } = (await found.inspect()).stats;
        clients.answered('cache');
        await confirm(`${verb} ${name} with ${entries} entries`, options.yes);
        await found[verb]();
        await (options.json ? writeJson({ status }) : writeLine(`${name} is ${status}.`));
      });
  }
}

const configurationOf = ({ name: _, stats: __, ...configuration }: CacheState): CacheConfig => configuration;
