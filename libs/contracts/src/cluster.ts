import { z } from 'zod';
import { instantSchema } from './fields.js';
import { NAME_FIELD, realmFields } from './realms.js';

export const ROLES = ['lock', 'queue', 'cache'] as const;
/** Which of the three services a node runs. */
export type Role = (typeof ROLES)[number];

/** The first path segments that each role answers, and its default ports. */
const PATHS = [
  { role: 'lock', words: ['locks', 'semaphores', 'sessions', 'deadlocks'], ports: '8001 to 8003' },
  { role: 'queue', words: ['queues', 'schedules'], ports: '8004 to 8006' },
  { role: 'cache', words: ['caches', 'coherence'], ports: '8007 to 8009' },
] as const satisfies { role: Role; words: string[]; ports: string }[];

/** The role whose nodes answer a path; undefined for a path of all roles or of none. */
export function roleOfPath(path: string): { role: Role; root: string; ports: string } | undefined {
  const [, word = ''] = /^\/v1\/([a-z]+)(?:\/|$)/.exec(path) ?? [];
  const found = PATHS.find(({ words }) => (words as readonly string[]).includes(word));
  return found && { role: found.role, root: `/v1/${word}`, ports: found.ports };
}

/** Identifies a node among those of its role. */
export const nodeIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 characters out of A-Z a-z 0-9 . _ -')
  .meta({ example: 'lock_manager_1', description: 'The node, among those of its role' });

export const memberSchema = z.strictObject({
  nodeId: nodeIdSchema,
  kind: z.enum(['node', 'embedded']).describe('A process of its own, or one inside of an application'),
  url: z.string().describe('Empty for an embedded member, which nobody calls'),
  state: z
    .enum(['alive', 'suspect', 'left'])
    .describe('`suspect`: no heartbeat for more than a second; `left`: named in `PEERS`, but no member now'),
  startedAt: instantSchema.nullable().describe('Null when it is no member'),
  lastSeenAt: instantSchema.nullable().describe('Its last heartbeat; null when it is no member'),
  share: z.number().min(0).max(1).describe('Its part of the hash ring'),
});
/**
 * One node as the others see it. `suspect`: no heartbeat for more than a second. `left`: named in `PEERS`, but currently
 * not a member; then `startedAt` and `lastSeenAt` are null. `share`: its part of the hash ring.
 */
export type Member = z.infer<typeof memberSchema>;

export const clusterSchema = z
  .strictObject({
    role: z.enum(ROLES).describe('Which service it is'),
    nodeId: nodeIdSchema.describe('The node that answers'),
    epoch: z.int().describe('Larger after every change of the members'),
    members: z.array(memberSchema).describe('All nodes and embedded members of this role'),
  })
  .meta({
    id: 'Cluster',
    example: {
      role: 'lock',
      nodeId: 'lock_manager_1',
      epoch: 1769851800000,
      members: [
        {
          nodeId: 'lock_manager_1',
          kind: 'node',
          url: 'http://localhost:8001',
          state: 'alive',
          startedAt: '2026-01-31T09:30:00.000Z',
          lastSeenAt: '2026-01-31T09:30:12.500Z',
          share: 1,
        },
      ],
    },
  });
export type Cluster = z.infer<typeof clusterSchema>;

export const ownerQuerySchema = z.strictObject({
  key: z
    .string()
    .min(1)
    .max(1024)
    .register(realmFields, NAME_FIELD)
    .meta({ example: 'invoice-42', description: 'Any text: a name or a key' }),
});
export const ownerSchema = z
  .strictObject({
    key: z.string().register(realmFields, NAME_FIELD).describe('As it was asked'),
    nodeId: nodeIdSchema.describe('Its owner on the hash ring'),
  })
  .meta({ id: 'Owner', example: { key: 'invoice-42', nodeId: 'lock_manager_2' } });
export type Owner = z.infer<typeof ownerSchema>;
