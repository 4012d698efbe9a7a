import { type Cluster, SynclineError } from '@syncline/client';
import { Argument, type Command } from 'commander';
import { type ClientOptions, type Clients, ROLES, type Role, withOutput } from './clients.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { explain, Failure } from './failure.js';
import { say, tableOf, write, writeJson } from './output.js';

export function addClusterCommand(program: Command, clients: Clients): void {
  withOutput(
    program.command('cluster').description('list the nodes with their state and share of the hash ring'),
  )
    .addArgument(new Argument('[role]', 'only nodes of this role; required with --url').choices(ROLES))
    .action(async (role: Role | undefined, options: ClientOptions) => {
      if (role === undefined && options.url !== undefined) {
        throw new Failure(
          '--url: name the role of these nodes, as in: syncline cluster lock --url ...',
          EXIT.usage,
        );
      }
      const asked = role === undefined ? ROLES : [role];
      const outcomes = await Promise.allSettled(
        asked.map(async (each) => {
          const cluster = await (await clients[each](options)).cluster();
          clients.answered(each);
          return cluster;
        }),
      );
      const clusters = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      await (options.json ? writeJson(clusters) : writeClusters(clusters));
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') continue;
        if (!(outcome.reason instanceof SynclineError)) throw outcome.reason;
        process.exitCode = exitCodeOf(outcome.reason);
        for (const line of explain(outcome.reason)) say(`${asked[i]} nodes: ${line}`);
      }
    });
}

async function writeClusters(clusters: readonly Cluster[]): Promise<void> {
  if (clusters.length === 0) return;
  const rows = clusters.flatMap(({ role, members }) =>
    members.map(({ nodeId, kind, url, state, share, lastSeenAt }) => [
      role,
      nodeId,
      kind,
      state,
      `${(share * 100).toFixed(1)} %`,
      url || '-',
      lastSeenAt ?? '-',
    ]),
  );
  await write(tableOf(['ROLE', 'NODE', 'KIND', 'STATE', 'SHARE', 'URL', 'LAST SEEN'], rows));
}
