import { z } from 'zod';
import { nodeIdSchema } from './cluster.js';
import { instantSchema, nameSchema } from './fields.js';
import { queueStatsSchema } from './queue.js';

const sampleSchema = queueStatsSchema
  .omit({ oldestAgeMs: true })
  .extend({ at: instantSchema.describe('When it was sampled') });

export const queueFiguresSchema = z
  .strictObject({
    queue: nameSchema.describe('Name of the queue'),
    nodeId: nodeIdSchema.describe('The ring owner of the queue, which samples it: ask that one'),
    everyMs: z.int().describe('Time between samples'),
    samples: z
      .array(sampleSchema)
      .describe('What the node that was asked has sampled, the oldest first: an hour at most'),
  })
  .meta({
    id: 'QueueFigures',
    example: {
      queue: 'orders',
      nodeId: 'queue_node_1',
      everyMs: 10_000,
      samples: [
        {
          at: '2026-01-31T09:30:00.000Z',
          ready: 12,
          delayed: 3,
          inFlight: 2,
          dead: 0,
          bytes: 4_180,
          oldestReadyAgeMs: 950,
          sent: 40,
          received: 26,
          acked: 23,
          failed: 1,
          expired: 0,
          lost: 0,
        },
      ],
    },
  });
/** The counts of a queue over the last hour. */
export type QueueFigures = z.infer<typeof queueFiguresSchema>;
