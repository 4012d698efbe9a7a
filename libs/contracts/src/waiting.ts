import { z } from 'zod';
import { instantSchema, nameSchema } from './fields.js';

const STEP = { owner: 'worker-7', waitsFor: 'invoice-42', heldBy: 'worker-8' };

export const waitListSchema = z
  .strictObject({
    waits: z.array(
      z.strictObject({
        owner: z.string(),
        waitsFor: nameSchema,
        heldBy: z.array(z.string()).describe('Owners of its leases, at most 10'),
        since: instantSchema,
      }),
    ),
  })
  .meta({
    id: 'Waits',
    example: { waits: [{ ...STEP, heldBy: [STEP.heldBy], since: '2026-01-31T09:30:02.000Z' }] },
  });
/** Requests that wait, one for each name that they wait for: the longest first, at most about 1,000. */
export type WaitList = z.infer<typeof waitListSchema>;

export const deadlocksSchema = z
  .strictObject({
    deadlocks: z.array(
      z.strictObject({
        at: instantSchema,
        cycle: z.array(z.strictObject({ owner: z.string(), waitsFor: nameSchema, heldBy: z.string() })),
        victim: z.string().describe('Owner whose wait was given up'),
      }),
    ),
  })
  .meta({
    id: 'Deadlocks',
    example: {
      deadlocks: [
        {
          at: '2026-01-31T09:30:03.000Z',
          cycle: [STEP, { owner: 'worker-8', waitsFor: 'invoice-43', heldBy: 'worker-7' }],
          victim: 'worker-7',
        },
      ],
    },
  });
/** The last 50 deadlocks of a day, newest first; of a circle its first 64 steps. */
export type Deadlocks = z.infer<typeof deadlocksSchema>;
