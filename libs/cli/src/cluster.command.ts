import { type Cluster, SynclineError } from '@syncline/client';
import { Argument, type Command } from 'commander';
import { type ClientOptions, type Clients, ROLES, type Role, rolesAsked, withOutput } from './clients.js';
import { addClusterWatchCommand } from './cluster-watch.command.js';
import { exitCodeOf } from './exit-codes.js';
import { explain } from './failure.js';
import { say, tableOf, write, writeJson } from './output.js';

export function addClusterCommand(program: Command, clients: Clients): void {
  const cluster = withOutput(
    program.command('cluster').description('list the nodes with their state and share of the hash ring'),
  )
    .addArgument(new Argument('[role]', 'only nodes of this role; required with --url').choices(ROLES))
    .action(async (role: Role | undefined, options: ClientOptions) => {
      const asked = rolesAsked(role, options);
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

  addClusterWatchCommand(cluster, clients);
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
