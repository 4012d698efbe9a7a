import { z } from 'zod';
import { nodeIdSchema } from './cluster.js';
import { instantSchema, pageLimitSchema } from './fields.js';

export const auditEntrySchema = z.strictObject({
  at: instantSchema,
  nodeId: nodeIdSchema,
  requestId: z.string(),
  key: z.string().nullable(),
  tenant: z.string().nullable(),
  address: z.string(),
  call: z.string(),
  action: z.string().nullable(),
  name: z.string().nullable(),
  status: z.int(),
  outcome: z.enum(['done', 'refused', 'failed', 'unanswered']),
});
/**
 * A call that changed settings, destroyed something or took it away from others, or one that was refused. `key`: the name of the API key; null
 * without one. `tenant`: of the key; null without one. `call`: method and template of the route, `none` when there is no such route. `action`: what a grant calls it. `name`: of the
 * lock, queue or cache in the path. `unanswered`: the client was gone before the answer.
 */
export type AuditEntry = z.infer<typeof auditEntrySchema>;

export const auditQuerySchema = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,20}-\d{1,20}$/, 'expected the cursor of a page')
    .optional()
    .describe('`cursor` of the previous page'),
  limit: pageLimitSchema,
});
export type AuditQuery = z.infer<typeof auditQuerySchema>;

export const auditSchema = z
  .strictObject({ entries: z.array(auditEntrySchema), cursor: z.string().nullable() })
  .meta({
    id: 'Audit',
    example: {
      entries: [
        {
          at: '2026-01-31T09:30:00.000Z',
          nodeId: 'queue_node_1',
          requestId: '0195a3d2-7c51-4b8e-9f1a-2f6c1f0f9a11',
          key: 'ops',
          tenant: null,
          address: '10.0.0.7',
          call: 'POST /v1/queues/:queue/purge',
          action: 'purge',
          name: 'orders',
          status: 200,
          outcome: 'done',
        },
      ],
      cursor: null,
    },
  });
/** A page of the trail of this role, newest first. */
export type Audit = z.infer<typeof auditSchema>;
