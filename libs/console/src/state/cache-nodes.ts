import { call } from './api.js';
import { live } from './live.js';

/** The cache nodes that may be asked. */
export const cacheNodes = (): readonly string[] =>
  (live.cache.value?.cluster.members ?? [])
    .filter(({ kind, state }) => kind === 'node' && state !== 'left')
    .map(({ nodeId }) => nodeId);

/** What each of some nodes answers; those that do not are left out. */
export async function askEach<Answer>(nodes: readonly string[], path: string): Promise<readonly Answer[]> {
  const answers = await Promise.allSettled(nodes.map((node) => call<Answer>(node, 'GET', path)));
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
}
