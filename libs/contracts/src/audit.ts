import { z } from 'zod';
import { nodeIdSchema } from './cluster.js';
import { instantSchema, pageLimitSchema } from './fields.js';

export const auditEntrySchema = z.strictObject({
  at: instantSchema.describe('When it was answered'),
  nodeId: nodeIdSchema.describe('The node that was called'),
  requestId: z.string().describe('`X-Request-Id` of the call'),
  key: z.string().nullable().describe('Name of the API key; null without one'),
  tenant: z.string().nullable().describe('Of the key; null without one'),
  address: z.string().describe('Where the call came from'),
  call: z.string().describe('Method and template of the route; `none` when there is no such route'),
  action: z.string().nullable().describe('What a grant calls it'),
  name: z.string().nullable().describe('The lock, queue or cache in the path'),
  status: z.int().describe('HTTP status of the answer'),
  outcome: z
    .enum(['done', 'refused', 'failed', 'unanswered'])
    .describe('`unanswered`: the client was gone before the answer'),
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
  .strictObject({
    entries: z.array(auditEntrySchema).describe('The newest first'),
    cursor: z.string().nullable().describe('For the next page; null at the end'),
  })
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
