import type { Lock } from '@syncline/client';
import type { Command } from 'commander';
import { type ClientOptions, type Clients, type Environment, withOutput } from './clients.js';
import { addLockRun } from './lock-run.command.js';
import { tableOf, write, writeAll, writeJson, writeLine } from './output.js';

export function addLockCommands(program: Command, clients: Clients, environment: Environment): void {
  const lock = program.command('lock').description('run commands under locks, inspect and release locks');

  addLockRun(lock, clients, environment);

  withOutput(lock.command('ls').description('list the locks that have holders or waiters'))
    .option('--prefix <prefix>', 'only names that start with this prefix')
    .action(async (options: ClientOptions & { prefix?: string }) => {
      const locks = await clients.lock(options);
      await writeAll(locks.list(options.prefix), {
        json: options.json,
        heads: ['NAME', 'MODE', 'HOLDERS', 'WAITING', 'UNTIL'],
        row: ({ name, mode, holders, waiters }) => [
          name,
          mode,
          holders.map(({ owner }) => owner).join(', '),
          waiters.length,
          holders.map(({ expiresAt }) => expiresAt).reduce((a, b) => (a > b ? a : b), ''),
        ],
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
      .description('revoke all leases of a lock, for operators; prints the owners'),
  )
    .option('--reason <text>', 'kept in the audit stream')
    .action(async (name: string, options: ClientOptions & { reason?: string }) => {
      const locks = await clients.lock(options);
      // Only to print the owners: the node says which leases were revoked.
      const holders = options.json ? [] : (await locks.inspect(name)).holders;
      const revoked = await locks.revoke(name, options.reason);
      if (options.json) return writeJson({ revoked });
      if (revoked.length === 0) return writeLine(`Nobody held ${name}.`);
      const owners = holders.map(({ owner }) => owner);
      const others = revoked.length - owners.length;
      if (others > 0) owners.push(owners.length > 0 ? `${others} more` : 'a new holder');
      const leases = `lease${revoked.length > 1 ? 's' : ''} ${revoked.join(', ')}`;
      await writeLine(`Revoked ${name} from ${owners.join(', ')}, ${leases}.`);
    });
}

async function writeLock({ name, mode, holders, waiters, currentToken }: Lock): Promise<void> {
  await writeLine(
    `${name} is ${mode === 'free' ? 'free' : `held, ${mode}`}. Fencing token: ${currentToken ?? '-'}`,
  );
  if (holders.length > 0) {
    const rows = holders.map((lease) => [lease.owner, lease.fencingToken, lease.acquiredAt, lease.expiresAt]);
    await write(`\n${tableOf(['HOLDER', 'TOKEN', 'SINCE', 'UNTIL'], rows)}`);
  }
  if (waiters.length > 0) {
    const rows = waiters.map((waiter) => [waiter.owner, waiter.mode, waiter.waitingSince]);
    await write(`\n${tableOf(['WAITER', 'MODE', 'SINCE'], rows)}`);
  }
}
