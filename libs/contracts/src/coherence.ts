import { z } from 'zod';
import { nodeIdSchema } from './cluster.js';

export const coherenceSchema = z
  .strictObject({
    nodeId: nodeIdSchema,
    invalidations: z
      .int()
      .describe(
        'Keys, tags, prefixes and whole caches that it was told to drop; on a Redis Cluster all but keys count once a part',
      ),
    repairs: z.int().describe('Invalidations that a renewal brought before their hint came'),
    forcedWrites: z.int().describe('Writes that waited a lease for a silent node'),
    fencings: z.int().describe('Times that this node was taken for dead by a writer'),
    audits: z.int().describe('Near hits that were checked against Redis'),
    staleHits: z.int().describe('Near hits that an audit proved older than Redis: must stay 0'),
  })
  .meta({
    id: 'Coherence',
    example: {
      nodeId: 'cache_node_1',
      invalidations: 1_204,
      repairs: 0,
      forcedWrites: 0,
      fencings: 0,
      audits: 7_200,
      staleHits: 0,
    },
  });
/** How the near caches of a node kept in step with Redis since it started. */
export type Coherence = z.infer<typeof coherenceSchema>;
