import type { Holder, Lock } from '@syncline/client';
import { type Command, Option } from 'commander';
import { type ClientOptions, type Clients, type Environment, withOutput } from './clients.js';
import { HOLDER_HEADS, holderRow, writeHolders, writeRevoked } from './holders.js';
import { interruption } from './interruption.js';
import { addLeaseCommands } from './lease.commands.js';
import { addLockRun } from './lock-run.command.js';
import { tableOf, write, writeAll, writeJson, writeLine } from './output.js';

export function addLockCommands(program: Command, clients: Clients, environment: Environment): void {
  const lock = program.command('lock').description('run commands under locks, inspect and release locks');

  addLockRun(lock, clients, environment);
  addLeaseCommands(lock, clients);

  withOutput(lock.command('ls').description('list the locks that have holders or waiters'))
    .option('--prefix <prefix>', 'only names that start with this prefix')
    .action(async (options: ClientOptions & { prefix?: string }) => {
      const locks = await clients.lock(options);
      await writeAll(locks.list(options.prefix), {
        json: options.json,
        heads: ['NAME', 'MODE', ...HOLDER_HEADS],
        row: (one) => [one.name, one.mode, ...holderRow(one)],
        none: 'no lock has holders or waiters.',
      });
    });

  withOutput(lock.command('show <name>').description('show who holds a lock and who waits for it')).action(
    async (name: string, options: ClientOptions) => {
      const locks = await clients.lock(options);
      const found = await locks.inspect(name);
      await (options.json ? writeJson(found) : writeLock(found));
    },
  );

  withOutput(
    lock.command('watch <name>').description('print who holds a lock, now and at each change, until Ctrl-C'),
  ).action(async (name: string, options: ClientOptions) => {
    const signal = interruption();
    const locks = await clients.lock(options);
    for await (const holder of locks.observe(name, signal)) {
      clients.answered('lock');
      await (options.json ? writeJson(holder) : writeLine(`${new Date().toISOString()} ${holding(holder)}`));
    }
  });

  withOutput(
    lock.command('waits').description('list who waits for what, and who holds it, the longest first'),
  ).action(async (options: ClientOptions) => {
    const locks = await clients.lock(options);
    const waits = await locks.waits();
    if (options.json) return writeJson(waits);
    if (waits.length === 0) return writeLine('Nobody waits.');
    const rows = waits.map(({ owner, waitsFor, heldBy, since }) => [
      owner,
      waitsFor,
      heldBy.join(', '),
      since,
    ]);
    await write(tableOf(['OWNER', 'WAITS FOR', 'HELD BY', 'SINCE'], rows));
  });

  withOutput(lock.command('deadlocks').description('list the last deadlocks of a day, newest first')).action(
    async (options: ClientOptions) => {
      const locks = await clients.lock(options);
      const deadlocks = await locks.deadlocks();
      if (options.json) return writeJson(deadlocks);
      if (deadlocks.length === 0) return writeLine('No deadlock within a day.');
      const rows = deadlocks.map(({ at, victim, cycle }) => [
        at,
        victim,
        cycle.map(({ owner, waitsFor }) => `${owner} > ${waitsFor}`).join(' > '),
      ]);
      await write(tableOf(['AT', 'VICTIM', 'CYCLE'], rows));
    },
  );

  withOutput(
    lock
      .command('release <name>')
      .description(
        'release one lease, or revoke all leases of a lock, for operators; then prints the owners',
      ),
  )
    .option('--lease <id>', 'only this lease, as acquire printed it')
    .addOption(
      new Option('--reason <text>', 'why they are revoked; kept in the audit stream').conflicts('lease'),
    )
    .action(async (name: string, options: ReleaseOptions) => {
      const locks = await clients.lock(options);
      if (options.lease !== undefined) {
        await locks.release(name, options.lease);
        return options.json ? writeJson({ released: true }) : writeLine(`Released ${name}.`);
      }
      // Only to print the owners: the node says which leases were revoked.
      const holders = options.json ? [] : (await locks.inspect(name)).holders;
      const revoked = await locks.revoke(name, options.reason);
      return options.json ? writeJson({ revoked }) : writeRevoked(name, revoked, holders);
    });
}

interface ReleaseOptions extends ClientOptions {
  readonly lease?: string;
  readonly reason?: string;
}

const holding = (holder: Holder | null): string =>
  holder === null
    ? 'nobody'
    : `${holder.owner}, ${holder.mode}, fencing token ${holder.fencingToken}, until ${holder.expiresAt}`;

async function writeLock(lock: Lock): Promise<void> {
  const { name, mode, currentToken } = lock;
  await writeLine(
    `${name} is ${mode === 'free' ? 'free' : `held, ${mode}`}. Fencing token: ${currentToken ?? '-'}`,
  );
  await writeHolders(lock);
}
