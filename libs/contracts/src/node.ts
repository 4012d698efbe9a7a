import { z } from 'zod';
import { nodeIdSchema, ROLES } from './cluster.js';

const instanceSchema = z
  .string()
  .describe(
    'Identifies one life of the process that is the primary: another one after a restart or a failover',
  );

export const redisStateSchema = z.strictObject({
  topology: z.enum(['single', 'sentinel', 'cluster']).describe('The form of `REDIS_URL`'),
  instance: instanceSchema
    .nullable()
    .describe('Of all primaries together: another one when any of them is. Null while Redis does not answer'),
  durability: z
    .strictObject({
      appendonly: z.boolean().describe('Whether it keeps changes in its append-only file'),
      appendfsync: z
        .enum(['always', 'everysec', 'no'])
        .nullable()
        .describe('Null when the node may not read it'),
      replicas: z.int().describe('Replicas that follow the primary'),
    })
    .nullable()
    .describe(
      'What Redis does for its data; of several primaries the least. Null while Redis does not answer',
    ),
  primaries: z
    .array(z.strictObject({ address: z.string().describe('Host and port'), instance: instanceSchema }))
    .describe('At most 100'),
});
/** The Redis of a node, as it is now. */
export type RedisState = z.infer<typeof redisStateSchema>;

export const nodeStateSchema = z
  .strictObject({
    nodeId: nodeIdSchema.describe('The node that answers'),
    role: z.enum(ROLES).describe('Which service it is'),
    redis: redisStateSchema.describe('Its Redis, as it is now'),
    lease: z
      .int()
      .describe(
        'Ms until the others take this node for dead, unless it sends a heartbeat; 0: it is no member',
      ),
    lag: z.number().describe('Ms: the longest time that the event loop was held up in the last 5 to 10 s'),
    parked: z.int().describe('Requests that wait in this node'),
    streams: z.int().describe('Call streams and event streams that are open'),
  })
  .meta({
    id: 'Node',
    example: {
      nodeId: 'lock_manager_1',
      role: 'lock',
      redis: {
        topology: 'single',
        instance: '5f0c6f1e2a3b4c5d-9a8b7c6d5e4f3a2b',
        durability: { appendonly: true, appendfsync: 'everysec', replicas: 0 },
        primaries: [{ address: '127.0.0.1:6379', instance: '5f0c6f1e2a3b4c5d-9a8b7c6d5e4f3a2b' }],
      },
      lease: 2_310,
      lag: 1.4,
      parked: 12,
      streams: 3,
    },
  });
/** One node, as it sees itself. */
export type NodeState = z.infer<typeof nodeStateSchema>;

/** How a Redis does: of several primaries the sum, or the worst. */
export interface RedisLoad {
  /** Of a round trip. */
  readonly latencyMs: number;
  readonly commandsPerSecond: number;
  readonly usedBytes: number;
  /** Null: without a bound. */
  readonly maxBytes: number | null;
  /** Whether the last attempts to write to the disk went well. */
  readonly isSaved: boolean;
  readonly replicas: number;
  readonly version: string;
}
