import { z } from 'zod';
import { instantSchema, nameSchema } from './fields.js';

/** One step of a circle of waits. */
export const waitSchema = z.strictObject({
  owner: z.string().describe('Who waits'),
  waitsFor: nameSchema.describe('The name that it wants'),
  heldBy: z.string().describe('Who holds that'),
});
const STEP = { owner: 'worker-7', waitsFor: 'invoice-42', heldBy: 'worker-8' };

export const waitListSchema = z
  .strictObject({
    waits: z
      .array(
        z.strictObject({
          owner: z.string().describe('Who waits'),
          waitsFor: nameSchema.describe('The name that it wants'),
          heldBy: z.array(z.string()).describe('Owners of its leases, at most 10'),
          since: instantSchema.describe('When it began to wait'),
        }),
      )
      .describe('One for each name that a request waits for, the longest first; about 1,000 at most'),
  })
  .meta({
    id: 'Waits',
    example: { waits: [{ ...STEP, heldBy: [STEP.heldBy], since: '2026-01-31T09:30:02.000Z' }] },
  });
/** Requests that wait, one for each name that they wait for: the longest first, at most about 1,000. */
export type WaitList = z.infer<typeof waitListSchema>;

export const deadlocksSchema = z
  .strictObject({
    deadlocks: z
      .array(
        z.strictObject({
          at: instantSchema.describe('When it was found'),
          cycle: z.array(waitSchema).describe('The circle; its first 64 steps'),
          victim: z.string().describe('Owner whose wait was given up'),
        }),
      )
      .describe('The last 50 of a day, the newest first'),
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
