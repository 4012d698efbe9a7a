import type { SessionDetails } from '@syncline/client';
import type { Command } from 'commander';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { inWords } from './duration.js';
import { writeHolders } from './holders.js';
import { writeAll, writeJson, writeLine } from './output.js';

export function addSessionCommands(program: Command, clients: Clients): void {
  const session = program
    .command('session')
    .description('inspect and end sessions, which are groups of leases');

  withOutput(session.command('ls').description('list the sessions, in no order'))
    .option('--owner <prefix>', 'only those whose owner starts with this prefix')
    .action(async (options: ClientOptions & { owner?: string }) => {
      const locks = await clients.lock(options);
      await writeAll(locks.sessions(options.owner), {
        json: options.json,
        heads: ['SESSION', 'OWNER', 'TTL', 'UNTIL'],
        row: ({ sessionId, owner, ttlMs, expiresAt }) => [sessionId, owner, inWords(ttlMs), expiresAt],
        none: 'there are no sessions.',
      });
    });

  withOutput(session.command('show <session>').description('show a session and its leases')).action(
    async (sessionId: string, options: ClientOptions) => {
      const found = await (await clients.lock(options)).inspectSession(sessionId);
      await (options.json ? writeJson(found) : writeSession(found));
    },
  );

  withOutput(session.command('end <session>').description('end a session and release its leases')).action(
    async (sessionId: string, options: ClientOptions) => {
      await (await clients.lock(options)).endSession(sessionId);
      await (options.json ? writeJson({ status: 'ended' }) : writeLine(`${sessionId} has ended.`));
    },
  );
}

async function writeSession({ sessionId, owner, ttlMs, expiresAt, leases }: SessionDetails): Promise<void> {
  await writeLine(`${sessionId} of ${owner}, ${inWords(ttlMs)}, until ${expiresAt}`);
  await writeHolders({ holders: leases, waiters: [] });
}
