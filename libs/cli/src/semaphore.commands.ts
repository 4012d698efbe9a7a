import type { SemaphoreState } from '@syncline/client';
import type { Command } from 'commander';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { HOLDER_HEADS, holderRow, writeHolders, writeRevoked } from './holders.js';
import { integer } from './integer.js';
import { writeAll, writeJson, writeLine } from './output.js';

export function addSemaphoreCommands(program: Command, clients: Clients): void {
  const semaphore = program.command('semaphore').description('inspect, configure and release semaphores');

  withOutput(semaphore.command('ls').description('list the semaphores that have holders or waiters'))
    .option('--prefix <prefix>', 'only names that start with this prefix')
    .action(async (options: ClientOptions & { prefix?: string }) => {
      const locks = await clients.lock(options);
      await writeAll(locks.semaphores(options.prefix), {
        json: options.json,
        heads: ['NAME', 'USED', 'LIMIT', ...HOLDER_HEADS],
        row: (one) => [one.name, one.used, one.limit ?? '-', ...holderRow(one)],
        none: 'no semaphore has holders or waiters.',
      });
    });

  withOutput(
    semaphore.command('show <name>').description('show who holds permits of a semaphore and who waits'),
  ).action(async (name: string, options: ClientOptions) => {
    const found = await (await clients.lock(options)).semaphore(name).inspect();
    await (options.json ? writeJson(found) : writeSemaphore(found));
  });

  withOutput(
    semaphore
      .command('resize <name>')
      .description('configure the limit of a semaphore; it wins over what callers say')
      .argument('<limit>', 'most permits that are held at a time', integer),
  ).action(async (name: string, limit: number, options: ClientOptions) => {
    const found = (await clients.lock(options)).semaphore(name);
    await found.resize(limit);
    await (options.json
      ? writeJson(await found.inspect())
      : writeLine(`${name} has ${limit} permits from now on.`));
  });

  withOutput(
    semaphore
      .command('release <name>')
      .description('revoke all permits and forget the limit, for operators; prints the owners'),
  )
    .option('--reason <text>', 'kept in the audit stream')
    .action(async (name: string, options: ClientOptions & { reason?: string }) => {
      const found = (await clients.lock(options)).semaphore(name);
      // Only to print the owners, as for locks.
      const holders = options.json ? [] : (await found.inspect()).holders;
      const revoked = await found.revoke(options.reason);
      await (options.json ? writeJson({ revoked }) : writeRevoked(name, revoked, holders));
    });
}

async function writeSemaphore(semaphore: SemaphoreState): Promise<void> {
  const { name, used, limit } = semaphore;
  await writeLine(`${used} of ${limit ?? 'any number of'} permits of ${name} are held.`);
  await writeHolders(semaphore);
}
