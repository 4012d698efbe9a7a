import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, SynclineError } from '@syncline/client';
import { Argument, type Command } from 'commander';
import { type ClientOptions, type Clients, ROLES, type Role, rolesAsked, withOutput } from './clients.js';
import { explain } from './failure.js';
import { interruption } from './interruption.js';
import { say, writeJson, writeLine } from './output.js';

/** That a member has fallen silent is told by no event: it is looked for. */
const LOOK_MS = 1_000;

interface Change {
  readonly nodeId: string;
  readonly kind: 'node' | 'embedded';
  readonly state: 'alive' | 'suspect' | 'left';
}

export function addClusterWatchCommand(cluster: Command, clients: Clients): void {
  withOutput(
    cluster
      .command('watch')
      .description(
        'print a line for each node, and for each one that joins, falls silent or leaves, until Ctrl-C',
      ),
  )
    .addArgument(new Argument('[role]', 'only nodes of this role; required with --url').choices(ROLES))
    .action(async (role: Role | undefined, options: ClientOptions) => {
      const signal = interruption();
      const watchers = rolesAsked(role, options).map(async (each) => {
        const client = await clients[each](options);
        const changes = changesOf(
          () => client.cluster(),
          signal,
          (error) => {
            for (const line of explain(error)) say(`${each} nodes: ${line}`);
          },
        );
        for await (const { nodeId, kind, state } of changes) {
          clients.answered(each);
          const at = new Date().toISOString();
          await (options.json
            ? writeJson({ at, role: each, nodeId, kind, state })
            : writeLine(`${at} ${each} ${nodeId} ${state}`));
        }
      });
      await Promise.all(watchers);
    });
}

/** What is there now, then what changes, until the signal aborts. Of failures one after the other only the first is told. */
async function* changesOf(
  ask: () => Promise<Cluster>,
  signal: AbortSignal,
  tell: (error: SynclineError) => void,
): AsyncGenerator<Change, void, void> {
  let known = new Map<string, Cluster['members'][number]>();
  let isFailing = false;
  while (!signal.aborted) {
    try {
      const { members } = await ask();
      const before = known;
      known = new Map(members.map((member) => [member.nodeId, member]));
      for (const member of members) {
        const was = before.get(member.nodeId);
        if (was?.state !== member.state || was.startedAt !== member.startedAt) yield member;
      }
      for (const [nodeId, { kind, state }] of before) {
        if (!known.has(nodeId) && state !== 'left') yield { nodeId, kind, state: 'left' };
      }
      isFailing = false;
    } catch (error) {
      if (!(error instanceof SynclineError)) throw error;
      if (!isFailing) tell(error);
      isFailing = true;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
