import { type Attempt, toInstant } from '@syncline/contracts';

/** What a caller says about deliveries that it ends, and through which node. */
export interface Ending {
  readonly nodeId: string;
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
}

type Line = [
  how: 'a' | 'n' | 't' | 's',
  endedAt: number,
  at: number | null,
  nodeId: string | null,
  reason: string | null,
  detail: string | null,
];
const HOW = { a: 'acked', n: 'nacked', t: 'timeout', s: 'stopped' } as const;

/** The facts of an attempt, as scripts/parts/attempts.lua keeps them. */
export const factsOf = (at: number | null, { nodeId, reason, detail }: Ending): string =>
  JSON.stringify([at, nodeId, reason ?? null, detail ?? null]).slice(1, -1);

export const readAttempts = (lines: string): Attempt[] =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [how, endedAt, at, nodeId, reason, detail] = JSON.parse(line) as Line;
      return {
        at: at === null ? null : toInstant(at),
        nodeId,
        endedAt: toInstant(endedAt),
        how: HOW[how],
        reason,
        detail,
      };
    });
