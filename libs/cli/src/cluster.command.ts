import { type Cluster, SynclineError } from '@syncline/client';
import { Argument, type Command } from 'commander';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { explain, Failure } from './failure.js';
import { type NodeOptions, type Nodes, ROLES, type Role, withOutput } from './nodes.js';
import { say, tableOf, write, writeJson } from './output.js';

export function addClusterCommand(program: Command, nodes: Nodes): void {
  withOutput(
    program.command('cluster').description('list the nodes with their state and share of the hash ring'),
  )
    .addArgument(new Argument('[role]', 'only nodes of this role; required with --url').choices(ROLES))
    .action(async (role: Role | undefined, options: NodeOptions) => {
      if (role === undefined && options.url !== undefined) {
        throw new Failure(
          '--url: name the role of these nodes, as in: syncline cluster lock --url ...',
          EXIT.usage,
        );
      }
      const asked = role === undefined ? ROLES : [role];
      const outcomes = await Promise.allSettled(asked.map((each) => nodes[each](options).cluster()));
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
    members.map(({ nodeId, url, state, share, lastSeenAt }) => [
      role,
      nodeId,
      state,
      `${(share * 100).toFixed(1)} %`,
      url,
      lastSeenAt ?? '-',
    ]),
  );
  await write(tableOf(['ROLE', 'NODE', 'STATE', 'SHARE', 'URL', 'LAST SEEN'], rows));
}
